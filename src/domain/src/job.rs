//! Work that is done later, whatever happens in between.

use crate::coded::coded;

coded!(
    /// What a queued job does.
    JobKind, "job kind" {
        /// Sends a text message to a phone.
        SendSms = 1,
        /// Sends a mail.
        SendMail = 2,
        /// Works out whom a password reset is for, and sends the code or mail.
        StartReset = 3,
    }
);

coded!(
    /// Where a queued job stands. A job that is done has no row any more.
    JobState, "job state" {
        /// Due at its time.
        Waiting = 1,
        /// A worker has it; when its time is over it counts as waiting again.
        Running = 2,
        /// Failed too often; kept for the operator to see.
        Dead = 3,
    }
);
