// Latchkey is an authentication server for mobile and native apps.
package main

import (
	"os"

	"github.com/latchkey-auth/latchkey/internal/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
