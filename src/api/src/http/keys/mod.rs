pub(crate) mod fetch;
pub(crate) mod publish;
pub(crate) mod remove;
