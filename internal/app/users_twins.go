package app

import "fmt"

type usersTwinsCommand struct{}

// Help is shown by `latchkey users twins --help`.
func (usersTwinsCommand) Help() string {
	return "Such names were taken before 0.2.0, for example an accented letter as one character and as two. Each keeps working, exactly as it is stored. Nothing is merged."
}

// Run prints the users whose names nobody can tell apart from those of others.
func (usersTwinsCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	twins, err := d.ListUsernameTwins(sh.ctx)
	if err != nil {
		return err
	}
	for _, t := range twins {
		if _, err := fmt.Fprintf(sh.out, "%s  %q\n", t.Subject, t.Username); err != nil {
			return err
		}
	}

	_, err = fmt.Fprintf(sh.out, "%d user names are twins of others\n", len(twins))
	return err
}
