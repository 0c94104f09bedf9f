//! What a setting is called, what it is when nobody says otherwise, and how `.env.example` explains it.

/// One setting: the only place where its name, default and explanation stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The name of the environment variable.
    pub name: &'static str,
    /// Its value when it is not set, in the form it would be written. `None`: it may stay unset.
    pub default: Option<&'static str>,
    /// A value that would be accepted (a command that makes one, for a secret), for error texts.
    pub example: &'static str,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// For the person who edits the file: meaning, unit, what leaving it out does. Lines of text.
    pub help: &'static str,
}

/// The settings of one area, in the order they are explained.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its settings.
    pub specs: &'static [Spec],
}

/// The text of `.env.example`: every setting, commented out, with its default or an example.
pub fn env_example(sections: &[Section]) -> String {
    let mut text = String::from(
        "# Settings of the Melo server. Copy this file to .env and uncomment what you want to change;\n\
         # with nothing set, the server works. Variables of the environment win over this file.\n\
         # Put a value that contains $, # or \" into single quotes. Keep .env readable by you alone (chmod 600).\n\
         # Made by: melo doctor --print-env-example\n",
    );
    for section in sections {
        text.push_str("\n# ---- ");
        text.push_str(section.title);
        text.push_str(" ----\n");
        for spec in section.specs {
            text.push('\n');
            for line in spec.help.lines() {
                text.push_str("# ");
                text.push_str(line.trim());
                text.push('\n');
            }
            let (remark, value) = match (spec.default, command(spec.example)) {
                (Some(default), _) => ("Default:".to_owned(), default),
                // This file is not a shell script: the command is to be run, not to be written here.
                (None, Some(command)) => (format!("Not set by default. Make one: {command}"), ""),
                (None, None) => ("Not set by default. Example:".to_owned(), spec.example),
            };
            text.push_str("# ");
            text.push_str(&remark);
            text.push_str("\n#");
            text.push_str(spec.name);
            text.push('=');
            text.push_str(&quoted(value));
            text.push('\n');
        }
    }
    text
}

/// A value as it is written into a .env file: with quotes around what would not be read as it stands there.
pub fn quoted(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains(['"', '$', '#', '\\']) {
        format!("'{value}'").into()
    } else {
        value.into()
    }
}

/// The command within `$(…)`.
fn command(example: &str) -> Option<&str> {
    example.strip_prefix("$(")?.strip_suffix(')')
}
