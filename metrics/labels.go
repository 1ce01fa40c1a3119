package metrics

// The labels that several metrics have.
const (
	labelQueue   = "queue"
	labelPattern = "pattern"
)
