//! The sixty-four emoji of short codes, with the words that people say for them. The selection is the one that the
//! Matrix specification uses for the same purpose (client-server API, "SAS method: emoji"): chosen to look different
//! from each other on every system, and to have plain words. The order is part of the derivation and never changes.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emoji {
    /// The picture.
    pub symbol: &'static str,
    /// Its word in English.
    pub english: &'static str,
    /// Its word in Russian.
    pub russian: &'static str,
}

const fn emoji(symbol: &'static str, english: &'static str, russian: &'static str) -> Emoji {
    Emoji {
        symbol,
        english,
        russian,
    }
}

/// All of them.
pub const TABLE: [Emoji; 64] = [
    emoji("🐶", "Dog", "Собака"),
    emoji("🐱", "Cat", "Кошка"),
    emoji("🦁", "Lion", "Лев"),
    emoji("🐴", "Horse", "Лошадь"),
    emoji("🦄", "Unicorn", "Единорог"),
    emoji("🐷", "Pig", "Свинья"),
    emoji("🐘", "Elephant", "Слон"),
    emoji("🐰", "Rabbit", "Кролик"),
    emoji("🐼", "Panda", "Панда"),
    emoji("🐓", "Rooster", "Петух"),
    emoji("🐧", "Penguin", "Пингвин"),
    emoji("🐢", "Turtle", "Черепаха"),
    emoji("🐟", "Fish", "Рыба"),
    emoji("🐙", "Octopus", "Осьминог"),
    emoji("🦋", "Butterfly", "Бабочка"),
    emoji("🌷", "Flower", "Цветок"),
    emoji("🌳", "Tree", "Дерево"),
    emoji("🌵", "Cactus", "Кактус"),
    emoji("🍄", "Mushroom", "Гриб"),
    emoji("🌏", "Globe", "Глобус"),
    emoji("🌙", "Moon", "Луна"),
    emoji("☁️", "Cloud", "Облако"),
    emoji("🔥", "Fire", "Огонь"),
    emoji("🍌", "Banana", "Банан"),
    emoji("🍎", "Apple", "Яблоко"),
    emoji("🍓", "Strawberry", "Клубника"),
    emoji("🌽", "Corn", "Кукуруза"),
    emoji("🍕", "Pizza", "Пицца"),
    emoji("🎂", "Cake", "Торт"),
    emoji("❤️", "Heart", "Сердце"),
    emoji("😀", "Smiley", "Улыбка"),
    emoji("🤖", "Robot", "Робот"),
    emoji("🎩", "Hat", "Шляпа"),
    emoji("👓", "Glasses", "Очки"),
    emoji("🔧", "Spanner", "Гаечный ключ"),
    emoji("🎅", "Santa", "Дед Мороз"),
    emoji("👍", "Thumbs up", "Большой палец"),
    emoji("☂️", "Umbrella", "Зонт"),
    emoji("⌛", "Hourglass", "Песочные часы"),
    emoji("⏰", "Clock", "Будильник"),
    emoji("🎁", "Gift", "Подарок"),
    emoji("💡", "Light bulb", "Лампочка"),
    emoji("📕", "Book", "Книга"),
    emoji("✏️", "Pencil", "Карандаш"),
    emoji("📎", "Paperclip", "Скрепка"),
    emoji("✂️", "Scissors", "Ножницы"),
    emoji("🔒", "Lock", "Замок"),
    emoji("🔑", "Key", "Ключ"),
    emoji("🔨", "Hammer", "Молоток"),
    emoji("☎️", "Telephone", "Телефон"),
    emoji("🏁", "Flag", "Флаг"),
    emoji("🚂", "Train", "Поезд"),
    emoji("🚲", "Bicycle", "Велосипед"),
    emoji("✈️", "Aeroplane", "Самолёт"),
    emoji("🚀", "Rocket", "Ракета"),
    emoji("🏆", "Trophy", "Кубок"),
    emoji("⚽", "Ball", "Мяч"),
    emoji("🎸", "Guitar", "Гитара"),
    emoji("🎺", "Trumpet", "Труба"),
    emoji("🔔", "Bell", "Колокол"),
    emoji("⚓", "Anchor", "Якорь"),
    emoji("🎧", "Headphones", "Наушники"),
    emoji("📁", "Folder", "Папка"),
    emoji("📌", "Pin", "Кнопка"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_look_or_sound_the_same() {
        let different = |of: fn(&Emoji) -> &'static str| {
            TABLE
                .iter()
                .map(of)
                .filter(|text| !text.is_empty())
                .collect::<BTreeSet<_>>()
                .len()
        };
        assert_eq!(different(|emoji| emoji.symbol), 64);
        assert_eq!(different(|emoji| emoji.english), 64);
        assert_eq!(different(|emoji| emoji.russian), 64);
    }
}
