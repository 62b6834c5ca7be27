package password

import (
	"strings"
	"testing"
)

// Hashes of the password "correct horse battery" at low costs, but for the two of other spellings.
const (
	djangoHash    = "pbkdf2_sha1$1000$Zx8mQ0cT1dLrYw5nKb2HsV$HddXEcSiz/0K+RXZQtOvnJZH0i4="
	bcryptHash    = "$2b$04$jVI8uCkZAznn7vTQv1Uq9u8makyaw6r2ooYJAgIUre7s21HEKhPHi"
	pepperedHash  = "$2a$04$jsX0Dm.Xtw7PGt2wLC22nuVEd8sDe4uBxPmurUMM4BQnXuVlljvYu"
	decomposed    = "pbkdf2_sha256$1000$Zx8mQ0cT1dLrYw5nKb2HsV$fuujuFlHxxHFOd8OrKEtRJLJKkZqls2/EM+vM6p5mGg="
	withBlanks    = "pbkdf2_sha256$1000$Zx8mQ0cT1dLrYw5nKb2HsV$NlD0P7KEJ+LKky8yRyJeA+fdQrU8u3ctvrwIdasf3U0="
	foreignArgon2 = "$argon2id$v=19$m=64,t=1,p=1$Wng4bVEwY1QxZExyWXc1bktiMkhzVg$Ogmzkv+KLO2kqVEnUzs9leaPauxwEH60wvFISFS0ap4"
)

func TestVerify_foreignHashesMatchAndAreStoredAnew(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ stored, typed string }{
		"Django":                     {djangoHash, "correct horse battery"},
		"Django, with blanks around": {djangoHash, " correct horse battery "},
		"Django, of decomposed text": {decomposed, "cafe\u0301 Zoe\u0308"},
		"Django, blanks in the hash": {withBlanks, "  outer blanks  "},
		"bcrypt":                     {bcryptHash, "correct horse battery"},
		"argon2id of other costs":    {foreignArgon2, "correct horse battery"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := slot(t)
			if ok, anew := s.Verify(c.typed, &c.stored); !ok || !anew {
				t.Errorf("right %v, anew %v", ok, anew)
			}
			for _, wrong := range []string{"", "correct horse batterY", "outer blanks", c.stored} {
				if ok, anew := s.Verify(wrong, &c.stored); ok || anew {
					t.Errorf("%q: right %v, anew %v", wrong, ok, anew)
				}
			}

			fresh, err := s.Hash(c.typed)
			if err != nil {
				t.Fatal(err)
			}
			if ok, anew := s.Verify(c.typed, &fresh); !ok || anew {
				t.Errorf("stored anew: right %v, anew %v", ok, anew)
			}
		})
	}
}

func TestVerify_pepperIsASetting(t *testing.T) {
	t.Parallel()

	s, stored := slot(t), pepperedHash
	if ok, _ := s.Verify("correct horse battery", &stored); ok {
		t.Error("right without the pepper")
	}

	if _, err := s.gate.Configure(Settings{BcryptPepper: "a-pepper-of-devise"}); err != nil {
		t.Fatal(err)
	}
	if ok, anew := s.Verify("correct horse battery", &stored); !ok || !anew {
		t.Errorf("right %v, anew %v", ok, anew)
	}
}

// A hash that cannot be read costs a decoy and is reported by its kind, without salt and tag.
func TestVerify_unreadableForeignHashIsReportedByItsKind(t *testing.T) {
	t.Parallel()

	const salt = "Zx8mQ0cT1dLrYw5nKb2HsV"
	for stored, kind := range map[string]string{
		"pbkdf2_sha256$5000001$" + salt + "$NlD0P7KEJ+LKky8yRyJeA+fdQrU8u3ctvrwIdasf3U0=": "pbkdf2_sha256",
		"$2b$31$" + strings.Repeat("a", 53):                                               "2b",
		"$scrypt$ln=24,r=8,p=1$" + salt + "$" + salt:                                      "scrypt",
		"$6$rounds=1000$" + salt + "$" + salt:                                             "unknown kind",
	} {
		s := slot(t)
		var report string
		s.gate.Unreadable = func(cause error) { report = cause.Error() }

		if ok, anew := s.Verify("secret", &stored); ok || anew {
			t.Errorf("%s: right %v, anew %v", kind, ok, anew)
		}
		if !strings.Contains(report, kind) || strings.Contains(report, salt) {
			t.Errorf("%s: reported as %q", kind, report)
		}
	}
}

func TestSettings_firebaseSignerMustBeBase64(t *testing.T) {
	t.Parallel()

	for signer, wrong := range map[string]bool{"": false, "anhzcng4": false, "not base64!": true} {
		found := Settings{FirebaseSigner: signer}.Check()
		if len(found) > 0 != wrong {
			t.Errorf("%q: %v", signer, found)
		}
		if wrong && strings.Contains(found[0].Error(), signer) {
			t.Errorf("the error shows the key: %v", found[0])
		}
	}
}
