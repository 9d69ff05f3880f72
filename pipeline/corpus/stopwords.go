package corpus

import "strings"

// stopWords are the stop words by language: Gopher's own for English (Rae et al.
// 2021, appendix A1.1), and as many of the most frequent for others.
var stopWords = func() map[string][]string {
	lists := map[string][]string{}
	for language, words := range map[string]string{
		"en": "the be to of and that have with",
		"es": "el la de que y en los con",
		"pt": "o a de que e em os com",
		"fr": "le la de que et en les dans",
		"it": "il la di che e in con non",
		"de": "der die und in den von mit das",
		"nl": "de het een van en in dat met",
		"ca": "el la de que i en els amb",
		"gl": "o a de que e en os con",
		"eu": "eta da ez du bat dira ere zen",
		"ro": "de și în la cu pe că din",
		"pl": "i w na z do się nie że",
		"cs": "a v na se je s že o",
		"sk": "a v na sa je s že o",
		"sv": "och i att det som en på är",
		"da": "og i at det som en på er",
		"nb": "og i at det som en på er",
		"fi": "ja on ei että se oli hän myös",
		"hu": "a az és hogy nem is egy meg",
		"ru": "и в не на что с по как",
		"uk": "і в не на що з у та",
		"bg": "и на в да се за от не",
		"el": "και το να του η της με που",
		"tr": "ve bir bu da de için ile çok",
		"id": "yang dan di itu dengan untuk ini dari",
	} {
		lists[language] = strings.Fields(words)
	}
	return lists
}()
