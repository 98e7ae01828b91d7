package models

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClassesAreGivenByNumberOrName(t *testing.T) {
	animals := &Labels{Count: 4, Names: []string{"cat", "Dog", "tench, fish", "t-shirt"}, Null: &Null{Index: 4}}
	digits := &Labels{Count: 3, Names: []string{"2", "1", "0"}, Null: &Null{Zeros: true}}
	open := &Labels{}
	for _, c := range []struct {
		labels *Labels
		text   string
		want   []int
	}{
		{animals, "3", []int{3}},
		{animals, "0-3", []int{0, 1, 2, 3}},
		{animals, "3-1", []int{3, 2, 1}},
		{animals, "2-2", []int{2}},
		{animals, "1,0, 3", []int{1, 0, 3}},
		{animals, "cat", []int{0}},
		{animals, "dog,CAT", []int{1, 0}},
		{animals, "tench, fish", []int{2}},
		{animals, "Fish,tench", []int{2, 2}}, // one name of several
		{animals, "t-shirt,0-1", []int{3, 0, 1}},
		{animals, "null", []int{NullLabel}},
		{animals, "4", []int{NullLabel}},
		{animals, "0,null", []int{0, NullLabel}},
		{digits, "2", []int{2}}, // a number is a number
		{open, "7-9", []int{7, 8, 9}},
	} {
		got, err := c.labels.Parse(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got, c.text)
	}
	for _, c := range []struct {
		labels *Labels
		text   string
		says   string
	}{
		{animals, "5", "found class 5, expected 0 to 3 or a name, cat, Dog, tench, fish, t-shirt, or null"},
		{animals, "0-9", "found class 4"}, // no class, but the null
		{animals, "-1", "found class -1"},
		{&Labels{Count: 2, Names: []string{"crane, bird", "crane, machine"}}, "crane", `found class "crane"`},
		{animals, "cart", `found class "cart" (did you mean "cat"?)`},
		{animals, "", `found class ""`},
		{animals, "0,,1", `found class ""`},
		{animals, "0-99999999", "lists more than"},
		{open, "null", `give "labels": {"null": ...} in a card`},
		{open, "cat", "expected a number from 0"},
	} {
		_, err := c.labels.Parse(c.text)
		require.ErrorContains(t, err, c.says, c.text)
	}
}

func TestEveryClassIsListedWhereTheirNumberIsKnown(t *testing.T) {
	all, err := (&Labels{Count: 3}).All()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2}, all)
	_, err = (&Labels{}).All()
	require.ErrorContains(t, err, "give --label")
}

func TestAClassIsTitledByItsName(t *testing.T) {
	labels := &Labels{Count: 2, Names: []string{"cat", "dog"}}
	require.Equal(t, []string{"dog", "5", "null"}, []string{labels.Title(1), labels.Title(5), labels.Title(NullLabel)})
}
