package broker

import (
	"errors"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// streams declares the streams. What the broker refuses of them is a warning, and who needs the stream
// will say so; a queue of another kind under its name is drift.
func (d *declaration) streams(streams []routing.Queue) error {
	for i := range streams {
		err := d.attempt(&streams[i])
		var drift *DriftError
		var refusal *amqp.Error
		switch {
		case err == nil:
		case errors.As(err, &drift) || !errors.As(err, &refusal) || !refusal.Server || isLoss(err):
			return err
		default:
			d.client.cfg.Log.Warn("a stream cannot be declared", "stream", streams[i].Name, "error", err)
			if !refusal.Recover { // it closed the connection: a broker whose streams are switched off does
				return nil
			}
		}
	}
	return nil
}

// adopt puts the retention that a stream has into the arguments that it is declared with. It is false
// where that cannot be told, or is what they hold already.
func (e *DriftError) adopt(args amqp.Table) bool {
	if routing.ArgumentText(args[e.Argument]) == e.Have {
		return false
	}
	if e.lacks() {
		delete(args, e.Argument)
		return true
	}
	if e.Argument == routing.ArgMaxAge {
		args[e.Argument] = e.Have
		return true
	}
	number, err := strconv.ParseInt(e.Have, 10, 64)
	if err != nil {
		return false
	}
	args[e.Argument] = number
	return true
}
