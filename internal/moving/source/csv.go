package source

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// columns are the names that the first line can have: those of the flat members of a user, and Amazon Cognito's
// ("Getting the user import CSV file header" of docs.aws.amazon.com/cognito).
var columns = map[string]string{
	"id": "id", "display": "display", "username": "username", "created_at": "created_at", "disabled": "disabled",
	"password":      "password",
	"password_hook": "password_hook", "email": "email", "email_verified": "email_verified", "phone": "phone",
	"phone_verified": "phone_verified",

	"sub": "id", "name": "display", "phone_number": "phone", "phone_number_verified": "phone_verified",
	"cognito:username": "username",
}

// readCSV reads a CSV file whose first line names its columns.
func readCSV(in io.Reader, w *writer) error {
	limit := &bounded{in: in}
	limit.reset()
	table := csv.NewReader(limit)
	table.ReuseRecord = true

	w.begin(1, "")
	header, err := table.Read()
	if err != nil {
		return w.csvError(err)
	}
	names, err := w.columns(header)
	if err != nil {
		return err
	}

	for {
		limit.reset()
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return w.csvError(err)
		}

		line, _ := table.FieldPos(0)
		row := map[string]string{}
		for i, name := range names {
			if name != "" {
				row[name] = strings.TrimSpace(record[i])
			}
		}
		w.begin(line, row["id"])
		u, err := w.csvUser(row)
		if err != nil {
			return err
		}
		if err := w.write(u); err != nil {
			return err
		}
	}
}

// columns are our names of the columns. Those of Cognito that do not move are empty.
func (w *writer) columns(header []string) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for i, given := range header {
		if i == 0 {
			given = strings.TrimPrefix(given, "\ufeff")
		}
		given = strings.ToLower(strings.TrimSpace(given))
		name, known := columns[given]
		isCognito := strings.HasPrefix(given, "cognito:") || strings.HasPrefix(given, "custom:") || cognitoOnly[given]
		switch {
		case !known && !isCognito:
			return nil, w.fail("column " + strconv.Itoa(i+1) + " has a name that the format does not have")
		case known && seen[name]:
			return nil, w.fail("column " + strconv.Itoa(i+1) + " is there twice")
		}
		seen[name] = true
		names = append(names, name)
	}
	if !seen["id"] {
		return nil, w.fail("there is no column id (or sub)")
	}

	return names, nil
}

// cognitoOnly are standard attributes of Cognito that no user has here.
var cognitoOnly = map[string]bool{
	"given_name": true, "family_name": true, "middle_name": true, "nickname": true, "preferred_username": true,
	"profile": true, "picture": true,
	"website": true, "gender": true, "birthdate": true, "zoneinfo": true, "locale": true, "address": true,
	"updated_at": true,
}

func (w *writer) csvUser(row map[string]string) (*format.User, error) {
	u := &format.User{
		ID: format.ID(row["id"]), Display: row["display"], Username: row["username"],
		Password: row["password"],
	}
	if text := row["created_at"]; text != "" {
		if u.CreatedAt = moment(text); u.CreatedAt.IsZero() {
			return nil, w.fail("created_at is no time such as 2026-11-30T12:00:00Z")
		}
	}

	var err error
	read := func(name string) bool {
		value, bad := truth(row[name])
		if bad != nil && err == nil {
			err = w.fail(name + " is neither true nor false")
		}

		return value
	}
	u.Disabled = read("disabled")
	u.PasswordHook = read("password_hook")
	emailVerified, phoneVerified := read("email_verified"), read("phone_verified")
	if err != nil {
		return nil, err
	}

	if row["email"] != "" {
		u.Emails = []format.Email{{Address: row["email"], Verified: emailVerified, Primary: true}}
	}
	if row["phone"] != "" {
		u.Phone = &format.Phone{Number: row["phone"], Verified: phoneVerified}
	}
	isAddress := strings.EqualFold(u.Username, row["email"]) || u.Username == string(u.ID)
	if isAddress { // Cognito takes one of them for the user name
		u.Username = ""
	}
	if u.Password == "" && w.options.PasswordHook {
		u.PasswordHook = true
	}

	return u, nil
}

func truth(text string) (bool, error) {
	if text == "" {
		return false, nil
	}

	return strconv.ParseBool(strings.ToLower(text))
}

// csvError names the line.
func (w *writer) csvError(err error) error {
	var wrong *csv.ParseError
	switch {
	case errors.As(err, &wrong) && errors.Is(wrong.Err, errTooLong), errors.Is(err, errTooLong):
		return w.fail(errTooLong.Error())
	case errors.As(err, &wrong):
		w.begin(wrong.StartLine, "")
		return w.fail(wrong.Err.Error())
	case errors.Is(err, io.EOF):
		return w.fail("the file is empty")
	}

	return err
}
