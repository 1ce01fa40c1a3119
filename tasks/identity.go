package tasks

// Identity is who enqueued a task.
type Identity struct {
	// Name is the name of RabbitMQ's user or, where that is not told, what the publisher calls itself.
	// Empty where nothing is known.
	Name string
	// Claimed says that the name is only the publisher's word, its app_id: nobody has checked it.
	Claimed bool
}

// String returns the name, marked where it is only claimed.
func (i Identity) String() string {
	switch {
	case i.Name == "":
		return "unknown"
	case i.Claimed:
		return i.Name + " (claimed)"
	default:
		return i.Name
	}
}

// IdentityOf returns who enqueued a task that was delivered. self is the user of the worker's own
// connection, empty where it is not known.
//
// A user_id is RabbitMQ's word: it refuses a message whose user_id is not the publishing connection's
// user, unless that user has the tag `impersonator`
// (https://www.rabbitmq.com/docs/validated-user-id). What warren-enqueued-by says counts only on a
// message that a worker of the same user published, which has checked it before. Where the user
// of the first publisher is not known its app_id is what it claims to be.
func IdentityOf(t *Task, self string) Identity {
	switch {
	case t.UserID == "" || t.UserID == self && t.Settlement > 0 && t.EnqueuedBy == "":
		return Identity{Name: t.AppID, Claimed: t.AppID != ""}
	case t.UserID == self && t.EnqueuedBy != "":
		return Identity{Name: t.EnqueuedBy}
	default:
		return Identity{Name: t.UserID}
	}
}
