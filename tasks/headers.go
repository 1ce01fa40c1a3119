package tasks

// The headers of the wire format (docs/wire.md). A name here is for ever: other programs write
// and read it.
const (
	// HeaderPrefix begins every header of Warren's own; a publisher may not use it for others.
	HeaderPrefix = "warren-"

	HeaderEnqueuedAt   = "warren-enqueued-at"   // unix ms
	HeaderAttempt      = "warren-attempt"       // 1-based
	HeaderMaxAttempts  = "warren-max-attempts"  // 1..MaxMaxAttempts
	HeaderTimeout      = "warren-timeout-ms"    // 1..
	HeaderRoutingKey   = "warren-routing-key"   // the original routing key
	HeaderNotBefore    = "warren-not-before"    // unix ms
	HeaderExpiresAt    = "warren-expires-at"    // unix ms
	HeaderSchedule     = "warren-schedule"      // schedule entry
	HeaderScheduledFor = "warren-scheduled-for" // RFC 3339
	HeaderSettlement   = "warren-settlement"    // republishes of this work
	HeaderRedeliveries = "warren-redeliveries"  // deliveries that ended without a settlement, counted apart from attempts
	HeaderEnqueuedBy   = "warren-enqueued-by"   // user_id of the first publisher
	HeaderBatchID      = "warren-batch-id"      // what the task is a part of
	HeaderBatchIndex   = "warren-batch-index"   // 1..total
	HeaderBatchTotal   = "warren-batch-total"
	HeaderReplays      = "warren-replays" // how often the work was a letter and was replayed
	HeaderKeyID        = "warren-key-id"  // of the key that the payload is encrypted with
	HeaderTraceParent  = "traceparent"    // W3C trace context
	HeaderTraceState   = "tracestate"

	HeaderPreviousAttempt = "warren-previous-attempt" // traceparent of the run before this one

	HeaderDeadReason = "warren-dead-reason"
	HeaderError      = "warren-error"     // text, at most MaxErrorBytes
	HeaderErrors     = "warren-errors"    // array of strings, one an attempt, newest MaxErrors
	HeaderFailedAt   = "warren-failed-at" // RFC 3339
	HeaderQueue      = "warren-queue"
	HeaderWorker     = "warren-worker"

	HeaderStatus = "warren-status" // of a reply: StatusOK, StatusError, StatusProgress
)

// The headers that a quorum queue adds to what it gives out again: from 4.3 on the one counts what
// was lost with its consumer, or rejected, and the other whatever came back; before there is but the
// one, which counts all of it.
const (
	headerDeliveryCount = "x-delivery-count"
	headerAcquiredCount = "x-acquired-count"
)

// Reason is why a task is a dead letter, as its warren-dead-reason header says.
type Reason string

// The reasons that Warren gives.
const (
	ReasonAttemptsExhausted Reason = "attempts-exhausted"
	ReasonPermanent         Reason = "permanent"
	ReasonNoHandler         Reason = "no-handler"
	ReasonMalformed         Reason = "malformed"
	ReasonExpired           Reason = "expired"
	ReasonRevoked           Reason = "revoked"
	ReasonCrashLoop         Reason = "crash-loop"
	ReasonUnauthorised      Reason = "unauthorised"
	ReasonUndecryptable     Reason = "undecryptable"
)

// The reasons that RabbitMQ gives in x-death, for letters that it dead-lettered itself.
const (
	ReasonRejected      Reason = "rejected"
	ReasonOverflow      Reason = "overflow"
	ReasonDeliveryLimit Reason = "delivery-limit"
)
