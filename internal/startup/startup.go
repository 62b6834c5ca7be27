// Package startup turns the garbage collector off until the program has started. A start makes some 20 MB, of which a
// server needs little later, and to collect it on the way costs a fifth of the start.
//
// Only the program's main package imports it: its variable is set before the packages are initialised whose tables
// are the most of those 20 MB. The limit of GOMEMLIMIT counts also while it is off.
package startup

import "runtime/debug"

// percent is GOGC's, as it was set for this process.
var percent = debug.SetGCPercent(-1)

// Done turns the garbage collector on.
func Done() { debug.SetGCPercent(percent) }
