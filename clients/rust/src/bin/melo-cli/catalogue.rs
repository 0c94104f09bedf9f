//! Every text for people, in English and in Russian.

use std::fmt::Display;
use std::sync::OnceLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Russian,
}

static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Chooses the language as POSIX asks: `LC_ALL`, else `LC_MESSAGES`, else `LANG`.
pub fn choose_language(variable: impl Fn(&str) -> Option<String>) {
    let _ = LANGUAGE.set(language_of(variable));
}

/// The chosen language for a server that writes to the person (`Accept-Language`).
pub fn language_tag() -> &'static str {
    match LANGUAGE.get() {
        Some(Language::Russian) => "ru",
        _ => "en",
    }
}

/// Whether names that are not in the catalogue are to be Russian.
pub fn is_russian() -> bool {
    LANGUAGE.get() == Some(&Language::Russian)
}

fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|v| !v.is_empty());
    if set.is_some_and(|v| v.starts_with("ru")) {
        Language::Russian
    } else {
        Language::English
    }
}

macro_rules! catalogue {
    ($($name:ident: $en:literal, $ru:literal;)*) => {
        /// The name of a text. `{0}`, `{1}` stand for values.
        #[derive(Debug, Clone, Copy)]
        pub enum Text { $(#[doc = $en] $name),* }

        impl Text {
            fn pair(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($en, $ru)),* }
            }

            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

catalogue! {
    AskPhone: "Phone number (like +79991234567): ", "Номер телефона (например +79991234567): ";
    AskName: "Your name: ", "Ваше имя: ";
    AskIdentifier: "User id or phone number: ", "Номер пользователя или телефон: ";
    AskPassword: "Password: ", "Пароль: ";
    AskNewPassword: "Choose a password: ", "Придумайте пароль: ";
    AskAgain: "Once more: ", "Ещё раз: ";
    AskPassphrase: "Passphrase of this profile: ", "Кодовая фраза профиля: ";
    AskNewPassphrase: "Choose a passphrase (it seals your keys on this computer and in the backup): ",
        "Придумайте кодовую фразу (она защищает ключи на этом компьютере и в резервной копии): ";
    AskRecovery: "Recovery passphrase of the account: ", "Кодовая фраза восстановления: ";
    NotTheSame: "The two are not the same.", "Введено по-разному.";
    Missing: "{0} must be given when there is no terminal to ask on.", "Без терминала нужно указать {0}.";
    Empty: "{0} must not be empty.", "Значение {0} не должно быть пустым.";
    MakingKeys: "Making keys…", "Создаю ключи…";
    Registered: "Welcome, {0}. Your user id is {1}.", "Добро пожаловать, {0}. Ваш номер пользователя: {1}.";
    TellId: "Tell it to your friends: they run  melo-cli contact add {0}",
        "Сообщите его друзьям, они выполнят:  melo-cli contact add {0}";
    KeepPassphrase: "Keep the passphrase: without it nobody, the server included, can restore your keys.",
        "Сохраните кодовую фразу: без неё никто, и сервер тоже, не восстановит ваши ключи.";
    LoggedIn: "Signed in as {0} ({1}).", "Вход выполнен: {0} ({1}).";
    BackedUp: "The key backup is stored.", "Резервная копия ключа сохранена.";
    WhoUid: "User id", "Номер";
    WhoName: "Name", "Имя";
    WhoNickname: "Nickname", "Псевдоним";
    WhoPhone: "Phone", "Телефон";
    WhoDevice: "Device", "Устройство";
    WhoServer: "Server", "Сервер";
    WhoKeystore: "Key store", "Хранилище ключей";
    NoBackupYet: "The key backup is not stored yet: run  melo-cli backup", "Резервной копии ключа ещё нет: melo-cli backup";
    Asked: "{0} was asked to become your contact.", "Запрос отправлен: {0}.";
    Accepted: "{0} is your contact now.", "{0} теперь в ваших контактах.";
    NoContacts: "No contacts yet. Ask somebody:  melo-cli contact add <user id>",
        "Контактов пока нет. Пригласите:  melo-cli contact add <номер>";
    RequestFrom: "{0} asks to become your contact:  melo-cli contact accept {0}",
        "{0} просит добавить в контакты:  melo-cli contact accept {0}";
    Verified: "verified", "сверен";
    SafetyNumber: "Safety number with {0}:", "Код безопасности с {0}:";
    Compare: "Compare it with the one they see, by voice or side by side. If it is the same:  melo-cli contact verify {0} --confirm",
        "Сверьте его с тем, что видит собеседник, голосом или рядом. Если совпадает:  melo-cli contact verify {0} --confirm";
    AskSame: "Do they see the same number? [y/N] ", "У собеседника тот же код? [д/Н] ";
    NotConfirmed: "Not marked as verified.", "Не отмечен как сверенный.";
    MarkedVerified: "{0} is verified.", "{0}: код безопасности сверен.";
    IdentityTrusted: "The identity of {0} is trusted, but not compared.", "Новый ключ {0} принят без сверки.";
    AlreadyVerified: "It was compared before and is unchanged.", "Код уже сверен и не изменился.";
    IdentityIsNew: "WARNING: the identity of {0} is another one than before. They may have started over on a new device, or somebody is in between. Compare the number before you go on.",
        "ВНИМАНИЕ: ключ {0} изменился. Возможно, человек начал заново на новом устройстве, а возможно, кто-то вмешивается. Сверьте код, прежде чем продолжать.";
    Sent: "✓ sent", "✓ отправлено";
    Me: "me", "я";
    NoMessages: "No messages yet.", "Сообщений пока нет.";
    PageOf: "page {0} of {1}", "страница {0} из {1}";
    Unsigned: "unsigned", "без подписи";
    Unsupported: "(a message of type {0}, which this version cannot show)", "(сообщение типа {0}, эта версия его не показывает)";
    Refused: "(message refused: {0})", "(сообщение отклонено: {0})";
    NotForThisDevice: "(written before this device was linked, or for another device)", "(написано до подключения этого устройства или для другого)";
    OwnLegacy: "(your message to an older client: only its recipient can read it)", "(ваше сообщение старому клиенту: прочитать может только получатель)";
    ChatWith: "Chat with {0} ({1}). Type a line to send it, /quit or Ctrl-D to leave, /help for help.",
        "Чат с {0} ({1}). Введите строку, чтобы отправить; /quit или Ctrl-D — выход, /help — справка.";
    NotCompared: "The safety number was not compared yet:  melo-cli contact verify {0}", "Код безопасности ещё не сверен:  melo-cli contact verify {0}";
    ChatHelp: "/reply N text, /edit N text, /react N emoji, /delete N, /pin N, /unpin N, /forward N <user or group id>; N is the number behind a message. /quit leaves. A line that starts with // is sent with one /. @ and a user id mention somebody. Marks: ✓ on the server, ✓✓ delivered, ✓✓ read.",
        "/reply N текст, /edit N текст, /react N эмодзи, /delete N, /pin N, /unpin N, /forward N <номер человека или группы>; N — число после сообщения. /quit — выход. Строка, начинающаяся с //, отправляется с одной /. @ и номер — упоминание. Отметки: ✓ на сервере, ✓✓ доставлено, ✓✓ прочитано.";
    UnknownCommand: "There is no such command; /help shows what there is.", "Нет такой команды; /help покажет, какие есть.";
    Connected: "connected", "на связи";
    Disconnected: "connection lost ({0}), trying again in {1} s", "связь потеряна ({0}), повтор через {1} с";
    MarkQueued: "sent", "отправлено";
    MarkDelivered: "delivered", "доставлено";
    MarkRead: "read", "прочитано";
    SendFailed: "not sent: {0}", "не отправлено: {0}";
    KeysChanged: "the devices of {0} changed", "изменились устройства {0}";
    NewDevice: "a new device signed in to your account: {0} from {1}; if that was not you, change your password", "в ваш аккаунт вошло новое устройство: {0} с адреса {1}; если это не вы, смените пароль";
    SecurityAlert: "somebody may have a copy of a device's token; that device was signed out", "возможно, кто-то скопировал токен устройства; это устройство вышло из аккаунта";
    AskCode: "Code of the second factor (or a recovery code): ", "Код второго фактора (или резервный код): ";
    AskPhoneCode: "Code from the text message: ", "Код из сообщения: ";
    AskInvite: "Invite: ", "Приглашение: ";
    InvitedOnly: "This server takes the invited only.", "На этом сервере регистрируют только по приглашениям.";
    CodeSent: "A code was sent to {0}. It is good for {1} min.", "Код отправлен на {0}. Он действует {1} мин.";
    OwnKeysChanged: "your own devices changed", "ваши устройства изменились";
    NowContact: "{0} is your contact now", "{0} теперь в ваших контактах";
    ContactGone: "{0} has deleted the account", "{0}: аккаунт удалён";
    Missed: "some messages are gone from the server; this device missed them", "часть сообщений уже удалена с сервера, устройство их не получило";
    StillUnsent: "{0} message(s) are kept and go out next time.", "Сообщений в очереди: {0}, они уйдут в следующий раз.";
    OtherDevice: "other device", "другое устройство";
    // Groups and channels, and what is done to messages.
    GroupMade: "{0} is there. Its id is {1}.", "{0} готово. Номер: {1}.";
    GroupInvited: "{0} was invited.", "{0}: приглашение отправлено.";
    GroupTalk: "Talk in it:  melo-cli group chat {0}", "Войти в чат:  melo-cli group chat {0}";
    GroupChat: "{0} ({1} members). Type a line to send it, /quit or Ctrl-D to leave, /help for help.",
        "{0} (участников: {1}). Введите строку, чтобы отправить; /quit или Ctrl-D — выход, /help — справка.";
    NoGroups: "None yet. Make one:  melo-cli group create <name> <user ids>", "Пока нет. Создайте:  melo-cli group create <название> <номера>";
    GroupChanged: "Changed.", "Изменено.";
    GroupLeft: "You have left.", "Вы вышли.";
    GroupDeleted: "It is deleted, for everybody.", "Удалено для всех.";
    MemberInvited: "{1} was invited to {0}.", "{1}: приглашение в {0} отправлено.";
    WasDeleted: "(deleted)", "(удалено)";
    WasEdited: "changed", "изменено";
    WasPinned: "pinned", "закреплено";
    MemberAdded: "{1} is in {0} now.", "{1} теперь в {0}.";
    MemberRemoved: "{1} is out of {0} and cannot read what is written from now on.", "{1} больше не в {0} и не прочитает новые сообщения.";
    RoleGiven: "The role of {1} in {0} is changed.", "Роль {1} в {0} изменена.";
    RequestRejected: "{1} was not let into {0}.", "{1}: запрос на вступление в {0} отклонён.";
    InvitationDeclined: "Declined.", "Приглашение отклонено.";
    InviteMade: "Whoever has this code can join:  melo-cli group join {0}", "По этому коду можно войти:  melo-cli group join {0}";
    JoinAsked: "You asked to be let in; those who run it decide.", "Запрос отправлен; решают те, кто управляет группой.";
    Unread: "{0} unread", "непрочитанных: {0}";
    Wrapping: "The key is wrapped for {0} of {1} devices…", "Ключ зашифрован для {0} из {1} устройств…";
    ForwardedFrom: "from {0}", "от {0}";
    Mentioned: "you are mentioned", "вас упомянули";
    NoKey: "(unreadable: the key of this message was not given to this device)", "(не прочитать: ключа этого сообщения у устройства нет)";
    Edited: "changed #{0}: {1}", "изменено #{0}: {1}";
    EditByOther: "(an edit of #{0} by somebody who did not write it: refused)", "(правка #{0} не от автора: отклонена)";
    Deleted: "deleted #{0}", "удалено #{0}";
    Pinned: "pinned #{0}", "закреплено #{0}";
    Unpinned: "unpinned #{0}", "откреплено #{0}";
    Reacted: "{1} to #{0}", "{1} на #{0}";
    ReactionGone: "took a reaction to #{0} back", "реакция на #{0} снята";
    Done: "done", "готово";
    NoSuchMessage: "There is no message #{0} on this screen.", "Сообщения #{0} здесь нет.";
    NowReadable: "readable now", "теперь читается";
    MemberJoined: "{0} is in now", "{0} теперь в чате";
    MemberLeft: "{0} is out", "{0} больше не в чате";
    MemberRole: "{0} is now: {1}", "{0} теперь: {1}";
    ChatChanged: "title or rules were changed", "изменены название или правила";
    ChatAdded: "you are in {0} now:  melo-cli group chat {1}", "вы теперь в {0}:  melo-cli group chat {1}";
    ChatRemoved: "you are out of {0}", "вы больше не в {0}";
    ChatInvitation: "you are invited to {0}:  melo-cli group accept {1}", "вас приглашают в {0}:  melo-cli group accept {1}";
    JoinRequest: "{0} asks to be let into {1}:  melo-cli group approve {2} {0}", "{0} просится в {1}:  melo-cli group approve {2} {0}";
    KeyRefused: "a key from {0} was refused: {1}", "ключ от {0} отклонён: {1}";
    ErrNotAMember: "You are not in this group or channel.", "Вас нет в этой группе или канале.";
    DoGroupList: "See where you are:  melo-cli group list, melo-cli channel list", "Где вы состоите:  melo-cli group list, melo-cli channel list";
    ErrForbidden: "Your role there does not allow this.", "Ваша роль этого не позволяет.";
    ErrSlowMode: "Slow mode: members write once in a while.", "Медленный режим: писать можно не так часто.";
    ErrNobodyToReach: "Nobody in it has a device that can receive messages.", "Ни у кого из участников нет устройства для приёма сообщений.";
    ErrTextsOnly: "The program of {0} reads texts only.", "Программа {0} читает только текст.";
    ErrUnsettled: "Members are coming and going right now.", "Состав участников как раз меняется.";
    // Calls.
    Calling: "Calling {0}… Ctrl-C to hang up.", "Звоню {0}… Ctrl-C — положить трубку.";
    CallWaiting: "Waiting for a call. Ctrl-C to stop.", "Жду звонка. Ctrl-C — выход.";
    CallFrom: "{0} calls.", "Звонит {0}.";
    CallRinging: "It rings.", "Идут гудки.";
    CallAnswered: "Answered; looking for a way to each other…", "Трубку сняли, устанавливаю соединение…";
    CallConnected: "Connected ({0}).", "Соединение установлено ({0}).";
    CallDirectly: "directly", "напрямую";
    CallRelayed: "through the relay", "через ретранслятор";
    CallCode: "Both of you must see: {0}  ({1})", "У обоих должно быть: {0}  ({1})";
    CallCompared: "The safety number was compared before; the code need not be.", "Код безопасности уже сверен, эти значки сверять не нужно.";
    CallInterrupted: "Nothing comes from the other side; looking for another way…", "Собеседника не слышно, ищу другой путь…";
    CallHeld: "{0} has put you on hold.", "{0} поставил(а) вас на удержание.";
    CallResumed: "{0} hears you.", "{0} вас слышит.";
    CallPlayed: "Everything was played.", "Всё воспроизведено.";
    CallOver: "The call is over. Heard: {0} s; lost: {1} %.", "Звонок завершён. Услышано: {0} с, потеряно: {1} %.";
    CallDeclined: "{0} declined.", "{0}: звонок отклонён.";
    CallBusy: "{0} is in another call.", "{0}: занято.";
    CallMissed: "{0} does not answer.", "{0} не отвечает.";
    CallGivenUp: "The caller has hung up.", "Звонивший положил трубку.";
    CallElsewhere: "Another device of yours has it.", "Трубку взяли на другом вашем устройстве.";
    CallUnanswerable: "The call cannot be answered: {0}", "На звонок нельзя ответить: {0}";
    ErrNoWay: "The two devices found no way to each other, or lost it.", "Устройства не нашли друг друга или потеряли связь.";
    DoNoWay: "See what the server's operator can do:  melo doctor calls. Try:  melo-cli call echo", "Администратору сервера:  melo doctor calls. Проверьте:  melo-cli call echo";
    ErrCallUnbelieved: "What the other device says of the call is not believed: {0}", "Данным звонка от другого устройства нельзя верить: {0}";
    ErrCallBroken: "The call broke off: a fault of this program.", "Звонок прервался из-за ошибки программы.";
    ErrNoEcho: "This server has no echo to call.", "На этом сервере нет эха для проверки звонков.";
    DoEcho: "Its operator can switch it on: CALL_ECHO=true", "Администратор может его включить: CALL_ECHO=true";
    // What went wrong, and what to do about it.
    ErrUnreachable: "The server cannot be reached: {0}", "Сервер недоступен: {0}";
    DoUnreachable: "Check the address (--server) and that the server is running.", "Проверьте адрес (--server) и запущен ли сервер.";
    ErrUntrusted: "The server's certificate is not trusted: {0}", "Сертификат сервера не вызывает доверия: {0}";
    DoUntrusted: "For a server of your own, give its certificate: --ca keys/tls.crt", "Для своего сервера укажите его сертификат: --ca keys/tls.crt";
    ErrNotMelo: "What answers there is not a Melo server (status {0}).", "По этому адресу отвечает не сервер Melo (код {0}).";
    ErrAnswer: "The server's answer is not understood.", "Ответ сервера непонятен.";
    DoUpgrade: "Client and server may be of different versions.", "Возможно, у клиента и сервера разные версии.";
    ErrCredentials: "Wrong user id, phone or password.", "Неверный номер, телефон или пароль.";
    ErrSecondFactor: "The code of the second factor is wrong, too old, or was used before.", "Код второго фактора неверен, устарел или уже использован.";
    DoSecondFactor: "Take the next one that the app shows, or a recovery code.", "Введите следующий код из приложения или резервный код.";
    ErrCode: "The code is wrong, too old, or was tried too often.", "Код неверен, устарел, или попыток было слишком много.";
    DoCode: "To be sent a new one, run the command without --code.", "Чтобы получить новый, выполните команду без --code.";
    ErrInvite: "The invite is wrong, too old, or used up.", "Приглашение неверно, устарело или уже использовано.";
    DoInvite: "Ask an admin of the server for one, and give it with --invite.", "Попросите приглашение у администратора сервера и укажите его: --invite.";
    ErrClosed: "Nobody can register on this server.", "Регистрация на этом сервере закрыта.";
    ErrPhoneTaken: "This phone number has an account already.", "На этот номер уже есть учётная запись.";
    DoLogin: "Sign in:  melo-cli login <user id or phone>", "Войдите:  melo-cli login <номер или телефон>";
    ErrNotAContact: "You are not contacts yet.", "Этого человека нет в ваших контактах.";
    DoAddContact: "Ask them:  melo-cli contact add <user id>, and wait until they accept.", "Отправьте запрос:  melo-cli contact add <номер>, и дождитесь ответа.";
    ErrUserNotFound: "There is no user with this id.", "Пользователя с таким номером нет.";
    ErrAlreadySubscribed: "They were asked already, or are your contact.", "Запрос уже отправлен, или это уже ваш контакт.";
    ErrNoPendingRequest: "There is no open request from this person.", "Открытого запроса от этого человека нет.";
    ErrSelfTarget: "That is your own user id.", "Это ваш собственный номер.";
    ErrRateLimited: "Too many requests in a short time.", "Слишком много запросов подряд.";
    DoWait: "Try again in {0} s.", "Повторите через {0} с.";
    DoWaitSome: "Try again in a moment.", "Повторите чуть позже.";
    DoKept: "The message is kept and goes out with the next send or chat.", "Сообщение сохранено и уйдёт при следующей отправке.";
    ErrBusyServer: "The server is busy or restarting.", "Сервер занят или перезапускается.";
    ErrSignedOut: "This device is signed out.", "Вход на этом устройстве больше не действует.";
    ErrIdentityConflict: "The account has another identity key already.", "У учётной записи уже есть другой ключ.";
    DoRecovery: "Sign in with the recovery passphrase, or start over with --new-identity.", "Войдите с кодовой фразой восстановления или начните заново: --new-identity.";
    ErrNoProfile: "There is no profile here yet: {0}", "Профиля здесь ещё нет: {0}";
    DoRegister: "Make an account:  melo-cli register  (or sign in:  melo-cli login)", "Зарегистрируйтесь:  melo-cli register  (или войдите:  melo-cli login)";
    ErrProfileExists: "There is a profile here already: {0}", "Профиль здесь уже есть: {0}";
    DoOtherProfile: "Use another one:  --profile <name>", "Выберите другой:  --profile <имя>";
    ErrProfileBusy: "Another melo-cli is using this profile.", "Этот профиль уже использует другой melo-cli.";
    DoCloseOther: "Close it, or use another profile:  --profile <name>", "Закройте его или выберите другой:  --profile <имя>";
    ErrPassphrase: "The passphrase is wrong, or the file is damaged.", "Неверная кодовая фраза, или файл повреждён.";
    ErrBackup: "The key backup does not open with this recovery passphrase.", "Резервная копия не открывается этой фразой.";
    ErrNoBackup: "The account has no key backup.", "У учётной записи нет резервной копии ключа.";
    DoNewIdentity: "Start over with a new identity:  melo-cli login --new-identity", "Начните заново с новым ключом:  melo-cli login --new-identity";
    ErrIdentityChanged: "The identity of {0} is another one than before. Nothing was sent.", "Ключ {0} изменился. Ничего не отправлено.";
    DoVerify: "Compare the safety number with them:  melo-cli contact verify {0}", "Сверьте код безопасности:  melo-cli contact verify {0}";
    ErrDirectory: "The keys of {0} are refused: {1}", "Ключи {0} отклонены: {1}";
    DoDirectory: "The server may be trying to deceive. Ask the person on another way.", "Возможно, сервер пытается обмануть. Спросите человека другим способом.";
    ErrUnsignedDevice: "The server wants the message sealed for a device of {0} that they did not sign. Nothing was sent.", "Сервер требует зашифровать сообщение для неподписанного устройства {0}. Ничего не отправлено.";
    ErrNoDevices: "{0} has no device that can receive messages now.", "У {0} сейчас нет устройства для приёма сообщений.";
    ErrNoIdentity: "{0} has no identity key yet, so there is nothing to compare.", "У {0} ещё нет ключа, сверять нечего.";
    ErrOtherAccount: "This profile belongs to {0}.", "Этот профиль принадлежит {0}.";
    ErrTooLong: "The message is too long.", "Сообщение слишком длинное.";
    ErrPhone: "The phone number must be in international form, like +79991234567.", "Номер телефона нужен в международном виде, например +79991234567.";
    ErrName: "Name and nickname are 1 to 50 letters, digits, spaces, - or _.", "Имя и псевдоним: от 1 до 50 букв, цифр, пробелов, - или _.";
    ErrPassword: "The password must have 8 characters or more.", "Пароль должен быть не короче 8 символов.";
    ErrOwnIdentity: "The account was started over with a new identity on another device. This device cannot write any more.", "Учётная запись начата заново с новым ключом на другом устройстве. Это устройство больше не может писать.";
    DoOwnIdentity: "If that was you, sign in again with the recovery passphrase given there:  melo-cli login {0}", "Если это были вы, войдите снова с новой фразой восстановления:  melo-cli login {0}";
    ErrFile: "{0} cannot be read: {1}", "Не удалось прочитать {0}: {1}";
    ErrHome: "There is no home directory.", "Не найден домашний каталог.";
    DoHome: "Give one:  --home <directory>", "Укажите:  --home <каталог>";
    ErrProfileName: "A profile's name is made of letters, digits, - and _.", "Имя профиля — буквы, цифры, - и _.";
    ErrorWord: "error", "ошибка";
}

/// A text in the chosen language, with its values put in.
pub fn text(text: Text, values: &[&dyn Display]) -> String {
    fill(
        text,
        LANGUAGE.get().copied().unwrap_or(Language::English),
        values,
    )
}

fn fill(text: Text, language: Language, values: &[&dyn Display]) -> String {
    let (english, russian) = text.pair();
    let mut rest = if language == Language::Russian {
        russian
    } else {
        english
    };
    let mut out = String::with_capacity(rest.len());
    // One pass: a value that looks like a placeholder stays as it is.
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((number, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        if let Some(value) = number.parse().ok().and_then(|n: usize| values.get(n)) {
            out.push_str(&value.to_string());
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_follow_the_variables() {
        let of = |set: &'static [(&str, &str)]| {
            language_of(move |name| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            })
        };
        assert_eq!(of(&[("LANG", "ru_RU.UTF-8")]), Language::Russian);
        assert_eq!(
            of(&[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C")]),
            Language::English
        );
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "ru")]), Language::Russian);
        assert_eq!(of(&[]), Language::English);
    }

    #[test]
    fn both_languages_name_the_same_values() {
        for text in Text::ALL {
            let (english, russian) = text.pair();
            for value in ["{0}", "{1}", "{2}"] {
                assert_eq!(
                    english.contains(value),
                    russian.contains(value),
                    "{english}"
                );
            }
        }
    }

    #[test]
    fn values_are_put_in_once() {
        let filled = fill(Text::LoggedIn, Language::English, &[&"{1}", &"10000001"]);
        assert_eq!(filled, "Signed in as {1} (10000001).");
    }
}
