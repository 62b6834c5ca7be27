package ops

import (
	"fmt"
	"net"
)

// Off is the value of LATCHKEY_OPS_ADDR that opens no listener.
const Off = "off"

// Settings of the listener for operators.
type Settings struct {
	Addr  string `env:"LATCHKEY_OPS_ADDR" default:"127.0.0.1:9464" doc:"host:port of the listener for operators: /livez, /readyz and /metrics. It has no authentication: keep it in your own network. off: none. latchkey dev opens it only where this is set."`
	Pprof bool   `env:"LATCHKEY_OPS_PPROF" default:"false" doc:"Serve Go's profiles at /debug/pprof/ of LATCHKEY_OPS_ADDR. A profile shows what is in memory, including secrets."`
}

// Check returns what is wrong with the settings.
func (s Settings) Check() []error {
	if s.Addr == Off {
		return nil
	}

	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return []error{fmt.Errorf("LATCHKEY_OPS_ADDR: %q is not host:port, such as 127.0.0.1:9464, and not %q", s.Addr, Off)}
	}

	return nil
}
