package app

import (
	"io"

	"github.com/latchkey-auth/latchkey/internal/flow"
)

type flowsCommand struct{}

// Run prints docs/flows.md; make verify notices when that is stale.
func (flowsCommand) Run(sh *shell) error {
	_, err := io.WriteString(sh.out, flow.Page())
	return err
}
