package extract

import (
	"slices"
	"strings"
)

// lexicon are phrases that label what is no main text, by what they label. The
// word tables are learned from pages that are nearly all English; with these the
// forests know a label in other languages by its meaning.
var lexicon = []struct{ label, english, others string }{
	{"related", "related|related articles|related posts|related stories|related content|related topics|related products|related links|related news|you may also like|you might also like|" +
		"you may also be interested|more from|more on this|more stories|more news|recommended|recommended for you|recommended reading|read more|read also|read next|also read|see also|further reading|" +
		"most read|most popular|most viewed|popular posts|recent posts|latest news|latest posts|latest articles|trending|trending now|up next|in this article|similar posts|similar products|" +
		"customers also bought|customers also viewed|frequently bought together|recently viewed|don t miss|editor s picks|similar items|from around the web",
		"lesen sie auch|lesen sie hier|lesen sie mehr|lies auch|mehr zum thema|mehr zu|zum thema|weitere themen|weitere artikel|weitere meldungen|weitere beiträge|weitere informationen|weiterführende|" +
			"verwandte artikel|verwandte beiträge|verwandte themen|ähnliche artikel|ähnliche beiträge|ähnliche produkte|das könnte sie auch interessieren|das könnte dich auch interessieren|" +
			"auch interessant|meistgelesen|neueste beiträge|letzte beiträge|aktuelle beiträge|aktuelle meldungen|beliebte|empfehlungen|weiterlesen|siehe auch|mehr lesen|mehr dazu|unsere empfehlung|kunden kauften auch|mehr aus|mehr von|dieses thema könnte|das thema könnte|könnte dich auch interessieren|ähnliche nachrichten|ähnliche themen|themenrelevante|top themen|schon gelesen|weitere aktuelle|weitere infos|weitere nachrichten|weitere news|zusatzinformationen|die meistgelesenen|passend dazu|passend zum thema|" +
			"" +
			"à lire aussi|lire aussi|a lire aussi|à lire également|sur le même sujet|articles liés|articles similaires|vous aimerez aussi|vous pourriez aussi aimer|les plus lus|derniers articles|voir aussi|lire la suite|en savoir plus|" +
			"lea también|lee también|leer más|ver más|vea también|te puede interesar|le puede interesar|también te puede interesar|puede interesarle|te recomendamos|recomendamos|noticias relacionadas|artículos relacionados|" +
			"entradas relacionadas|temas relacionados|más noticias|más sobre|lo más leído|lo más visto|más leídas|últimas noticias|entradas recientes|relacionados|relacionadas|mire|mira también|además|lea más|lea además|lea|leé también|mira|puedes ver|también puedes leer|sigue leyendo|siga leyendo|contenido relacionado|" +
			"leggi anche|articoli correlati|potrebbe interessarti|ti potrebbe interessare|i più letti|ultime notizie|leggi tutto|" +
			"leia também|leia mais|veja também|notícias relacionadas|artigos relacionados|mais lidas|últimas notícias|saiba mais|" +
			"lees ook|lees meer|lees verder|meer over|gerelateerde|gerelateerd|zie ook|meest gelezen|aanbevolen|" +
			"czytaj też|czytaj także|czytaj więcej|czytaj również|zobacz też|zobacz także|zobacz również|polecamy|powiązane|podobne|najpopularniejsze|najnowsze|przeczytaj także|" +
			"läs också|läs mer|relaterade|les også|læs også|lue myös|čtěte také|číst dál|související|citiți și|citește și|читайте также|по теме|похожие|смотрите также|читать далее|ilgili haberler|benzer haberler|ezek is érdekelhetnek|kapcsolódó cikkek|olvassa el|ajánlott|mai citește|vezi și|σχετικά άρθρα|διαβάστε επίσης|相关阅读|相关新闻|热门推荐|推荐阅读|関連記事|おすすめ記事|관련기사|اقرأ أيضا"},
	{"comments", "comments|comment|leave a comment|leave a reply|leave a response|post a comment|add a comment|write a comment|add comment|join the conversation|join the discussion|view comments|show comments|no comments|responses to|thoughts on|reply",
		"kommentare|kommentar|kommentar schreiben|kommentar hinterlassen|schreibe einen kommentar|schreiben sie einen kommentar|hinterlasse einen kommentar|kommentar verfassen|antworten|diskussion|bisher keine kommentare|noch keine kommentare|keine kommentare|artikel bewerten|" +
			"commentaires|commentaire|laisser un commentaire|ajouter un commentaire|réagir|répondre|" +
			"comentarios|comentario|deja un comentario|dejar un comentario|deja una respuesta|responder|comentar|" +
			"commenti|lascia un commento|rispondi|comentários|deixe um comentário|deixe uma resposta|reacties|reageer|plaats een reactie|geef een reactie|komentarze|komentarz|dodaj komentarz|skomentuj|odpowiedz|" +
			"kommentarer|lämna ett svar|lämna en kommentar|kommentit|komentáře|комментарии|оставить комментарий|ответить|pingback|trackback|pingbacks|trackbacks"},
	{"share", "share|share this|share on|share via|share article|tweet|facebook|twitter|whatsapp|pinterest|linkedin|follow us|follow us on|like this|email this|send to a friend",
		"teilen|artikel teilen|beitrag teilen|weitersagen|weiterempfehlen|gefällt mir|folgen sie uns|folge uns|sharen|per e mail|partager|partagez|suivez nous|compartir|comparte|síguenos|siguenos|condividi|seguici|compartilhar|compartilhe|siga nos|" +
			"delen|deel dit|volg ons|udostępnij|podziel się|dela|jaa|sdílet|поделиться|paylaş"},
	{"subscribe", "subscribe|subscribe to|subscribe now|newsletter|our newsletter|sign up|sign up for|sign up to|email address|your email|get the latest|unsubscribe|stay up to date|support us|donate|become a member|download the app",
		"newsletter abonnieren|abonnieren|jetzt abonnieren|anmelden|jetzt anmelden|registrieren|kostenlos registrieren|spenden|unterstützen sie|unterstütze|abo|s abonner|abonnez vous|je m abonne|inscrivez vous|faire un don|je fais un don|" +
			"suscríbete|suscribirse|suscribete|suscripción|regístrate|boletín|iscriviti|abbonati|inscreva se|assine|abonneer|schrijf je in|aanmelden|zapisz się|subskrybuj|prenumerera|tilaa|odebírat|подписаться|подписывайтесь|abone ol"},
	{"legal", "copyright|all rights reserved|privacy policy|privacy|cookies|cookie policy|we use cookies|terms of use|terms of service|terms and conditions|disclaimer|imprint|legal notice|affiliate|affiliate links",
		"alle rechte vorbehalten|impressum|datenschutz|datenschutzerklärung|agb|nutzungsbedingungen|externer inhalt|mentions légales|tous droits réservés|politique de confidentialité|" +
			"todos los derechos reservados|aviso legal|política de privacidad|política de cookies|tutti i diritti riservati|todos os direitos reservados|alle rechten voorbehouden|algemene voorwaarden|wszelkie prawa zastrzeżone|polityka prywatności|" +
			"materiał chroniony|licencja|все права защищены|tüm hakları saklıdır"},
	{"advertisement", "advertisement|advertisements|sponsored|sponsored content|promoted|advertise|ad|ads",
		"anzeige|anzeigen|werbung|publicité|publicidad|comercial|anuncio|anuncios|pubblicità|publicidade|advertentie|reklama|annons|mainos|реклама|reklam"},
	{"account", "log in|login|sign in|register|create account|create an account|my account|log out|forgot password|password|username",
		"einloggen|benutzername|passwort|mein konto|se connecter|connexion|mot de passe|mon compte|" +
			"iniciar sesión|inicia sesión|contraseña|mi cuenta|accedi|entrar|inloggen|zaloguj|zaloguj się|hasło|logga in|войти|giriş"},
	{"shop", "add to cart|add to bag|add to basket|add to wishlist|buy now|checkout|shopping cart|cart|in stock|out of stock|sold out|quantity|free shipping|shipping|returns|customer reviews|reviews|write a review",
		"in den warenkorb|warenkorb|zur kasse|auf lager|lieferzeit|kundenbewertungen|bewertungen|versand|ajouter au panier|panier|livraison|avis clients|añadir al carrito|añadir a la cesta|carrito|comprar|envío|opiniones|" +
			"aggiungi al carrello|carrello|recensioni|adicionar ao carrinho|carrinho|in winkelwagen|winkelwagen|dodaj do koszyka|koszyk|opinie|lägg i varukorg|в корзину|sepete ekle"},
	{"topics", "tags|tagged|categories|category|filed under|topics|posted in|archives|archive|this entry was posted|keywords",
		"schlagwörter|schlagworte|stichworte|kategorien|kategorie|themen|rubrik|veröffentlicht in|catégories|mots clés|étiquettes|" +
			"etiquetas|categorías|categoría|publicado en|archivado en|temas|categorie|categorieën|trefwoorden|tagi|kategorie|tematy|metki|рубрика|метки|теги|etiketler"},
	{"steps", "next|previous|prev|back|back to top|home|menu|search|skip to content|skip to main content|page|older posts|newer posts|next article|previous article|print|show more|load more|view all|see all|close|download|pdf",
		"weiter|zurück|nächster|vorheriger|startseite|suche|suchen|drucken|nach oben|zum inhalt|mehr anzeigen|alle anzeigen|seite drucken|schließen|suivant|précédent|accueil|rechercher|imprimer|retour|haut de page|voir tout|" +
			"siguiente|anterior|inicio|buscar|imprimir|volver|ver todo|ver todos|successivo|precedente|cerca|stampa|próximo|início|pesquisar|volgende|vorige|zoeken|afdrukken|następny|poprzedni|szukaj|drukuj|strona główna|powrót|" +
			"nästa|föregående|sök|далее|назад|поиск|главная|ara"},
	{"byline", "by|posted by|written by|published|published on|updated|last updated|posted on|about the author|author|photo|photos|photograph|image|image credit|photo credit|source|sources|credit|getty images|min read|minutes read",
		"von|foto|fotos|bild|bilder|quelle|quellen|autor|autorin|redaktion|veröffentlicht am|aktualisiert|stand|über den autor|lesezeit|par|publié le|mis à jour|crédit photo|auteur|por|publicado el|publicado|actualizado|fuente|fuentes|sobre el autor|" +
			"di|pubblicato|fonte|fonti|autore|atualizado|door|gepubliceerd|bron|przez|opublikowano|źródło|zdjęcie|fot|av|publicerad|foto av|автор|источник|фото"},
}

// A phrase is a label in one of the lexicon's languages.
type phrase struct {
	label   uint8
	foreign bool
}

// phrases are the lexicon by hash: the hashes of up to four words, combined.
var phrases = func() map[uint32]phrase {
	table := map[uint32]phrase{}
	for i, entry := range lexicon {
		for k, list := range []string{entry.english, entry.others} {
			for words := range strings.SplitSeq(list, "|") {
				h := uint32(0)
				for word := range strings.FieldsSeq(words) {
					h = h*31 + hashWord(word)
				}
				if _, taken := table[h]; !taken {
					table[h] = phrase{uint8(i + 1), k == 1}
				}
			}
		}
	}
	return table
}()

// englishLabels measure one English phrase of each label: what stands in for phrases
// of other languages when words are looked up.
var englishLabels = func() []measure {
	out := make([]measure, len(lexicon)+1)
	for i, words := range []string{"related articles", "leave a comment", "share this", "subscribe to our newsletter", "all rights reserved", "advertisement", "log in", "add to cart",
		"tags", "next", "posted by"} {
		out[i+1].count(words)
	}
	return out
}()

// findLabel tells what a text labels, by the longest phrase at its beginning, or else, if
// it is short, anywhere in it (plus 20). A phrase of another language at its beginning is
// replaced by the English one.
func (m *measure) findLabel() {
	words := m.hashes[:min(len(m.hashes), m.words)]
	if m.words > 40 {
		return
	}
	for from := range words {
		if from > 0 && m.words > 14 {
			return
		}
		var found phrase
		length := 0
		h := uint32(0)
		for k := from; k < min(from+5, len(words)); k++ {
			h = h*31 + words[k]
			if p := phrases[h]; p.label != 0 {
				found, length = p, k+1-from
			}
		}
		if length == 0 {
			continue
		}
		if m.words <= 14 {
			m.label = int(found.label)
			if from > 0 {
				m.label += 20
			}
		}
		if english := &englishLabels[found.label]; !found.foreign || m.words > 14 && length < 2 {
		} else if length*2 >= len(words) {
			m.hashes, m.whole = english.hashes, english.whole
		} else if from == 0 {
			m.hashes = slices.Concat(english.hashes[:english.words], m.hashes[length:])
		}
		return
	}
}

// namesInEnglish are words of class names and ids in other languages.
var namesInEnglish = map[string]string{
	"kommentar": "comment", "kommentare": "comments", "comentario": "comment", "comentarios": "comments", "commentaire": "comment", "commentaires": "comments",
	"komentarz": "comment", "komentarze": "comments", "reacties": "comments", "commenti": "comments", "verwandte": "related", "relacionados": "related", "relacionadas": "related", "lire": "related",
	"powiazane": "related", "werbung": "ad", "anzeige": "ad", "anzeigen": "ads", "publicidad": "ad", "pub": "ad", "reklama": "ad", "fusszeile": "footer", "pie": "footer",
	"suche": "search", "buscar": "search", "recherche": "search", "teilen": "share", "compartir": "share", "partager": "share", "autor": "author", "auteur": "author",
	"inhalt": "content", "contenido": "content", "contenu": "content", "tresc": "content", "artikel": "article", "articulo": "article", "noticia": "article", "nota": "article", "beitrag": "post",
	"titel": "title", "titulo": "title", "titre": "title", "datum": "date", "fecha": "date", "seite": "page", "navi": "nav", "menue": "menu", "kopf": "header", "cabecera": "header",
	"spalte": "column", "columna": "column", "rechts": "right", "cuerpo": "body", "corps": "body", "texto": "text", "texte": "text", "bild": "image", "foto": "photo", "enlaces": "links",
	"etiquetas": "tags", "schlagworte": "tags", "meistgelesen": "popular", "empfehlung": "recommended", "empfehlungen": "recommended", "weitere": "more",
}
