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
        /// Delivers a message that was to be sent later.
        DeliverScheduled = 4,
        /// Wakes the devices of somebody who is being called.
        PushCall = 5,
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

coded!(
    /// Where a message that is to be sent later stands. One that was delivered or refused has no row any more.
    ScheduleState, "schedule state" {
        /// Not due yet.
        Waiting = 1,
        /// Due: there is a job for it.
        Queued = 2,
        /// A worker is at it: it cannot be called back any more.
        Delivering = 3,
    }
);
