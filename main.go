// Latchkey is an authentication server for mobile and native apps.
package main

import (
	"os"

	"github.com/latchkey-auth/latchkey/internal/app"
	"github.com/latchkey-auth/latchkey/internal/startup"
)

func main() { os.Exit(app.Main(os.Args[1:], startup.Done)) }
