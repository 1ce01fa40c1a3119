package worker

// group is the runnable deliveries that share a limit: those of one handler pattern, or those of
// all patterns that have none.
type group struct {
	runnable heap // by priority, then by arrival
	limit    int  // how many may run at a time; 0: any number
	running  int
}

// eligible reports whether one of the group may start.
func (g *group) eligible() bool { return len(g.runnable) > 0 && g.room() > 0 }

// room is how many of the group may start, whether there are as many or not.
func (g *group) room() int {
	if g.limit == 0 {
		return len(g.runnable)
	}
	return g.limit - g.running
}

// blocked is how many of the group wait for its limit.
func (g *group) blocked() int { return max(0, len(g.runnable)-g.room()) }
