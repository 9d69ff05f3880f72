package langid

import (
	"strings"
	"testing"
)

// one sentence in each language, written for this test: neighbours first.
var sentences = map[string]string{
	"ca": "La gent del poble portava sacs de sorra a la carretera i parlava del temps que faria l'endemà.",
	"gl": "A xente da vila levaba sacos de area á estrada e falaba do tempo que ía facer ao día seguinte.",
	"es": "La gente del pueblo llevaba sacos de arena a la carretera y hablaba del tiempo que haría al día siguiente.",
	"pt": "As pessoas da aldeia levavam sacos de areia para a estrada e falavam do tempo que faria no dia seguinte.",
	"eu": "Herriko jendeak hareaz betetako zakuak eramaten zituen errepidera, eta biharko eguraldiaz hitz egiten zuen.",
	"oc": "La gent del vilatge portava de sacas de sabla cap a la rota e parlava del temps que fariá l'endeman.",
	"it": "La gente del paese portava sacchi di sabbia sulla strada e parlava del tempo che avrebbe fatto il giorno dopo.",
	"ro": "Oamenii din sat cărau saci cu nisip la șosea și vorbeau despre vremea de a doua zi.",
	"fr": "Les gens du village portaient des sacs de sable sur la route et parlaient du temps qu'il ferait le lendemain.",
	"ru": "Жители деревни носили мешки с песком к дороге и говорили о том, какая завтра будет погода.",
	"uk": "Мешканці села носили мішки з піском до дороги й говорили про те, яка завтра буде погода.",
	"be": "Жыхары вёскі насілі мяшкі з пяском да дарогі і гаварылі пра тое, якое заўтра будзе надвор'е.",
	"bg": "Хората от селото носеха чували с пясък към пътя и говореха какво ще бъде времето утре.",
	"mk": "Луѓето од селото носеа вреќи со песок до патот и зборуваа какво ќе биде времето утре.",
	"sr": "Људи из села носили су вреће с песком до пута и причали какво ће сутра бити време.",
	"hi": "गाँव के लोग रेत की बोरियाँ सड़क तक ले जा रहे थे और कल के मौसम की बात कर रहे थे।",
	"mr": "गावातील लोक वाळूच्या गोण्या रस्त्यावर नेत होते आणि उद्याच्या हवामानाबद्दल बोलत होते.",
	"cs": "Lidé z vesnice nosili pytle s pískem k silnici a mluvili o tom, jaké bude zítra počasí.",
	"sk": "Ľudia z dediny nosili vrecia s pieskom k ceste a hovorili o tom, aké bude zajtra počasie.",
	"pl": "Ludzie ze wsi nosili worki z piaskiem na drogę i rozmawiali o tym, jaka będzie jutro pogoda.",
	"sl": "Ljudje iz vasi so nosili vreče s peskom k cesti in govorili, kakšno bo jutri vreme.",
	"hr": "Ljudi iz sela nosili su vreće s pijeskom do ceste i razgovarali o tome kakvo će vrijeme biti sljedećega tjedna.",
	"is": "Fólkið í þorpinu bar sandpoka út á veginn og talaði um hvernig veðrið yrði á morgun.",
	"nb": "Folk fra bygda bar sandsekker til veien og snakket om hvordan været ville bli i morgen.",
	"nn": "Folk frå bygda bar sandsekker til vegen og snakka om korleis vêret ville verte i morgon.",
	"da": "Folk fra landsbyen bar sandsække ud til vejen og talte om, hvordan vejret ville blive i morgen.",
	"sv": "Folket i byn bar sandsäckar till vägen och pratade om hur vädret skulle bli i morgon.",
	"de": "Die Leute aus dem Dorf trugen Sandsäcke an die Straße und sprachen davon, wie das Wetter morgen wird.",
	"nl": "De mensen uit het dorp droegen zandzakken naar de weg en praatten over het weer van morgen.",
	"af": "Die mense van die dorp het sandsakke na die pad gedra en oor môre se weer gepraat.",
	"en": "The people of the village carried bags of sand to the road and talked about tomorrow's weather.",
	"fi": "Kylän väki kantoi hiekkasäkkejä tielle ja puhui siitä, millainen sää huomenna olisi.",
	"et": "Küla rahvas kandis liivakotte tee äärde ja rääkis sellest, milline ilm homme tuleb.",
	"hu": "A falu népe homokzsákokat vitt az útra, és arról beszélt, milyen lesz holnap az idő.",
	"tr": "Köy halkı kum torbalarını yola taşıyor ve yarın havanın nasıl olacağını konuşuyordu.",
	"fa": "مردم روستا کیسه\u200cهای شن را به کنار جاده می\u200cبردند و دربارهٔ هوای فردا حرف می\u200cزدند.",
	"ar": "كان أهل القرية يحملون أكياس الرمل إلى الطريق ويتحدثون عن طقس الغد.",
	"ur": "گاؤں کے لوگ ریت کی بوریاں سڑک تک لے جا رہے تھے اور کل کے موسم کی بات کر رہے تھے۔",
	"he": "אנשי הכפר נשאו שקי חול אל הכביש ודיברו על מזג האוויר של מחר.",
	"yi": "די מענטשן פֿון דאָרף האָבן געטראָגן זעק מיט זאַמד צום וועג און גערעדט וועגן דעם וועטער.",
	"el": "Οι άνθρωποι του χωριού κουβαλούσαν σακιά με άμμο στον δρόμο και μιλούσαν για τον καιρό.",
	"ja": "村の人々は砂袋を道まで運び、明日の天気について話していた。",
	"zh": "村里的人把沙袋搬到路边，谈论着明天的天气。",
	"ko": "마을 사람들은 모래주머니를 길가로 나르며 내일 날씨 이야기를 했다.",
	"th": "ชาวบ้านแบกกระสอบทรายไปที่ถนนและคุยกันเรื่องอากาศพรุ่งนี้",
	"vi": "Người dân trong làng vác bao cát ra đường và nói chuyện về thời tiết ngày mai.",
}

func TestSentences(t *testing.T) {
	for code, s := range sentences {
		for _, text := range []string{s, strings.ToUpper(s), strings.Repeat(s+"\n", 20)} {
			if k, p := Default().Detect(text, nil); k < 0 || Languages[k].Code != code || p < .5 || p > 1 {
				t.Errorf("%.40q is %s: %d %.2f", text, code, k, p)
			}
		}
	}
}

func TestShort(t *testing.T) {
	for text, code := range map[string]string{
		"¿Dónde está?": "es", "Onde está?": "pt", "WO IST DER BAHNHOF": "de", "Kde je nádraží?": "cs", "Kde je železničná stanica?": "sk", "Où est la gare ?": "fr",
		"Где вокзал?": "ru", "Де знаходиться вокзал?": "uk", "ON ÉS L'ESTACIÓ": "ca", "Hvar er lestarstöðin?": "is", "ОТКЪДЕ ИДВАШ?": "bg", "ひらがな": "ja",
	} {
		if k, _ := Default().Detect(text, nil); k < 0 || Languages[k].Code != code {
			t.Errorf("%q is %s, not %d", text, code, k)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, text := range []string{"", "12 34 !!", "😀😀", "𐎠𐎡𐎢", "xqzt wvkj prrmb tlgwq zzkfh"} {
		if k, p := Default().Detect(text, nil); k >= 0 || p != 0 {
			t.Errorf("%q is %s %.2f", text, Languages[k].Code, p)
		}
	}
	allow := make([]bool, len(Languages))
	allow[Index("en")], allow[Index("pt")] = true, true
	if k, _ := Default().Detect(sentences["es"], allow); k != Index("pt") {
		t.Errorf("of English and Portuguese, Spanish is %d", k)
	}
	if k, _ := Default().Detect(sentences["ru"], allow); k >= 0 {
		t.Errorf("of English and Portuguese, Russian is %s", Languages[k].Code)
	}
}

// The table of codes is what users write.
func TestLanguages(t *testing.T) {
	seen := map[string]bool{}
	for i, l := range Languages {
		if seen[l.Code] || seen[l.Code3] || len(l.Code3) != 3 || len(l.Scripts) == 0 {
			t.Errorf("%+v", l)
		}
		seen[l.Code], seen[l.Code3] = true, true
		if Index(l.Code3) != i {
			t.Errorf("Index(%s) = %d, not %d", l.Code3, Index(l.Code3), i)
		}
	}
	if Index("no") != Index("nb") || Index("xx") != -1 {
		t.Error("Index")
	}
	if len(modelBytes) > 2_000_000 {
		t.Errorf("the model has %d bytes", len(modelBytes))
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, n := range []int{0, 1, len(modelBytes) - 1} {
		if _, err := Load(modelBytes[:n]); err == nil {
			t.Errorf("a model of %d bytes was read", n)
		}
	}
}

// sums is Dims plain additions of the values of each row.
func TestSums(t *testing.T) {
	m := Default()
	var features []uint32
	for i := range 50 {
		var want [Dims]int32
		for _, f := range features {
			for d := range Dims {
				want[d] += int32(m.rows[f] >> (4 * d) & 15)
			}
		}
		if got := m.sums(features); got != want {
			t.Fatalf("%d rows: %v, want %v", i, got, want)
		}
		features = append(features, bucket(uint32(i)*7919))
	}
}

func FuzzDetect(f *testing.F) {
	for _, s := range sentences {
		f.Add(s)
	}
	f.Add("\xff\xfe\x00İıŸ\u0345" + strings.Repeat("a", 200))
	f.Fuzz(func(t *testing.T, text string) {
		k, p := Default().Detect(text, nil)
		if k < -1 || k >= len(Languages) || !(p >= 0 && p <= 1) {
			t.Fatalf("%d %v", k, p)
		}
		if k2, p2 := Default().Detect(text, nil); k2 != k || p2 != p {
			t.Fatalf("%d %v, then %d %v", k, p, k2, p2)
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	for _, test := range []struct{ name, text string }{{"word", "viatges"}, {"pair", "serres viatges"}, {"sentence", sentences["ca"]}} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				Default().Detect(test.text, nil)
			}
		})
	}
}
