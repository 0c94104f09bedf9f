//! What people read, in their language.

use melo_domain::Language;

/// A mail without its address.
pub(crate) struct MailText {
    pub subject: String,
    pub text: String,
}

/// For POST /register.
pub(crate) fn register_code(language: Language, code: &str) -> String {
    match language {
        Language::English => {
            format!(
                "Melo: {code} is your code to register. Good for 10 minutes. Tell it to nobody."
            )
        }
        Language::Russian => {
            format!(
                "Melo: {code} — код для регистрации. Действует 10 минут. Никому его не сообщайте."
            )
        }
    }
}

/// For POST /password/reset.
pub(crate) fn reset_code(language: Language, code: &str) -> String {
    match language {
        Language::English => {
            format!(
                "Melo: {code} is your code for a new password. Good for 10 minutes. Tell it to nobody."
            )
        }
        Language::Russian => {
            format!(
                "Melo: {code} — код для нового пароля. Действует 10 минут. Никому его не сообщайте."
            )
        }
    }
}

/// For POST /password/reset.
pub(crate) fn reset_mail(language: Language, token: &str) -> MailText {
    match language {
        Language::English => MailText {
            subject: "Melo: a new password".to_owned(),
            text: format!(
                "Somebody, probably you, asked for a new password of your Melo account.\n\n\
                 Enter this in the app within 60 minutes:\n\n{token}\n\n\
                 All your devices will be signed out. If it was not you, do nothing: your password stays.\n"
            ),
        },
        Language::Russian => MailText {
            subject: "Melo: новый пароль".to_owned(),
            text: format!(
                "Кто-то, вероятно вы, запросил новый пароль для вашей учётной записи Melo.\n\n\
                 Введите это в приложении в течение 60 минут:\n\n{token}\n\n\
                 Все ваши устройства выйдут из учётной записи. Если это были не вы, ничего не делайте: пароль останется прежним.\n"
            ),
        },
    }
}

/// For POST /account/email/confirm.
pub(crate) fn confirm_mail(language: Language, token: &str) -> MailText {
    match language {
        Language::English => MailText {
            subject: "Melo: confirm your address".to_owned(),
            text: format!(
                "Enter this in the app within 60 minutes to confirm that this address is yours:\n\n{token}\n\n\
                 If you did not ask for it, do nothing.\n"
            ),
        },
        Language::Russian => MailText {
            subject: "Melo: подтвердите адрес".to_owned(),
            text: format!(
                "Введите это в приложении в течение 60 минут, чтобы подтвердить, что адрес ваш:\n\n{token}\n\n\
                 Если вы этого не просили, ничего не делайте.\n"
            ),
        },
    }
}
