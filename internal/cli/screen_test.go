package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// evil is what steers terminals: the escape, a C1 control in UTF-8 and as a lone byte, a carriage return, a change of
// direction.
const evil = "a\x1b[31m\u009b5m\x9b\r\u202eb"

func TestNothingThatSteersATerminalReachesIt(t *testing.T) {
	var out bytes.Buffer
	s := &screen{Writer: &out}
	_, err := s.Write([]byte("head\t" + evil + "\nzwölf ▀ 👩‍🔬\n"))
	require.NoError(t, err)
	require.Equal(t, "head\ta\\u001b[31m\\u009b5m\\ufffd\\u000d\\u202eb\nzwölf ▀ 👩‍🔬\n", out.String())
	require.Equal(t, `one\u000atwo`, oneLine("one\ntwo"))
}

func TestEscapesInJSONStayJSON(t *testing.T) {
	const text = "\u007f\u009b\u202e\U000E0001\x00"
	var out bytes.Buffer
	require.NoError(t, json.NewEncoder(&screen{Writer: &out}).Encode(text))
	require.NotContains(t, out.String(), "\u009b")
	var back string
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Equal(t, text, back)
}

// A list goes below a message; a name out of a file does not make lines.
func TestMessagesHaveOnlyTheirOwnLines(t *testing.T) {
	require.Equal(t, "x.onnx: 2 things are open:\n  a\\u000aodeon: fine\n  b",
		message(errors.New("x.onnx: 2 things are open:\n  a\nodeon: fine\n  b\n")))
	require.Less(t, len(message(errors.New(strings.Repeat("f", 1<<20)))), 3000)
}
