# Was die Seiten sagen, auf Deutsch (Sie-Form). Welche Meldungen es gibt, sagt `en.ftl`.

## Jede Seite

languages = Sprache
title-again = Fehler: { $title }
links = Verweise
support = Hilfe
privacy = Datenschutz
terms = Nutzungsbedingungen
seal = Unter dem Siegel von Chancery
fold-sign-in = Jede Anmeldung wird im Protokoll von { $realm } verzeichnet.
fold-answer = Ihre Antwort wird im Protokoll von { $realm } verzeichnet.
fold-consent = Was Sie erlauben, wird im Protokoll von { $realm } verzeichnet und lässt sich widerrufen.
fold-device = Es wird nichts verbunden, bevor Sie gesehen haben, wer darum bittet.
fold-signed-out = Das Ende Ihrer Sitzung wird im Protokoll von { $realm } verzeichnet.
fold-error = Wenn Sie um Hilfe bitten, nennen Sie den Code und die Anfrage, die oben stehen.
continue = Weiter
go-on = Weiter
go-on-to = Weiter zu { $application }
cancel = Abbrechen und zurück
cancel-to = Abbrechen und zurück zu { $application }
not-now = Jetzt nicht

## Anmelden

sign-in = Anmelden
sign-in-lede = weiter zu <strong>{ $application }</strong>
username = Benutzername oder E-Mail-Adresse
password = Passwort
password-heading = Passwort eingeben
code = Sechsstelliger Code
recovery-code = Wiederherstellungscode
code-heading = Noch ein Schritt, { $username }
code-lede = Geben Sie den Code ein, den Ihre Authenticator-App gerade anzeigt.
recovery-code-lede = Geben Sie einen der Wiederherstellungscodes ein, die Sie aufbewahrt haben. Jeder gilt einmal.
passkey-button = Mit einem Passkey anmelden
passkey-heading = Passkey verwenden
passkey-lede = Melden Sie sich mit Ihrem Gerät oder Sicherheitsschlüssel an.
passkey-lede-as = Melden Sie sich als <strong>{ $username }</strong> mit Ihrem Gerät oder Sicherheitsschlüssel an.
passkey-lede-to = Melden Sie sich mit Ihrem Gerät oder Sicherheitsschlüssel an, um zu <strong>{ $application }</strong> zu gelangen.
passkey-lede-as-to = Melden Sie sich als <strong>{ $username }</strong> mit Ihrem Gerät oder Sicherheitsschlüssel an, um zu <strong>{ $application }</strong> zu gelangen.
passkey-continue = Mit Passkey fortfahren
passkey-trouble = Das hat nicht geklappt. Versuchen Sie es erneut oder wählen Sie einen anderen Weg.
passkey-script = Passkeys benötigen JavaScript, das in diesem Browser ausgeschaltet ist.
use-password = Passwort verwenden
use-passkey = Passkey verwenden
use-totp = Code aus der Authenticator-App verwenden
use-recovery-code = Wiederherstellungscode verwenden
use-federated = Mit einem anderen Konto anmelden
federated-continue = Weiter mit { $name }
joining = Mit dieser Adresse gibt es hier schon ein Konto. Zeigen Sie, dass es Ihres ist; von da an meldet Sie auch { $name } darin an.
add-federated = Auch mit einem anderen Konto anmelden
add-identity-lede = Melden Sie sich einmal bei einem von diesen an; von da an meldet es Sie auch hier an.
ready = Es kann weitergehen
ready-lede = zu <strong>{ $application }</strong>

## Weitere Anmeldewege einrichten

enrol-totp = Authenticator-App einrichten
enrol-totp-lede = Wer Ihr Passwort erfährt, kommt ohne Ihr Telefon nicht hinein.
enrol-totp-scan = Öffnen Sie eine Authenticator-App auf Ihrem Telefon und scannen Sie damit dieses Bild.
enrol-totp-picture = QR-Code; derselbe Schlüssel steht darunter zum Abtippen
enrol-totp-else = Lässt er sich nicht scannen?
enrol-totp-link = Öffnen Sie diesen Link auf dem Telefon selbst
enrol-totp-key = Oder tippen Sie diesen Schlüssel in die App ein:
enrol-totp-enter = Geben Sie den Code ein, den die App anzeigt.
enrol-passkey = Passkey einrichten
enrol-passkey-lede = Mit einem Passkey melden Sie sich per Fingerabdruck, Gesicht oder PIN an. Niemand kann ihn erraten, und er gilt nur für diese Website.
device-name = Name dieses Geräts (freiwillig)
passkey-name = Name dieses Passkeys (freiwillig)
enrol = Einrichten und weiter
enrol-passkey-instead = Stattdessen einen Passkey einrichten
enrol-totp-instead = Stattdessen eine Authenticator-App einrichten
recovery-codes = Ihre Wiederherstellungscodes
recovery-codes-heading = Bewahren Sie diese Codes auf
recovery-codes-lede = Falls Sie Ihr Telefon verlieren, kommen Sie mit jedem dieser Wiederherstellungscodes einmal hinein. Sie werden nur jetzt angezeigt: Drucken Sie sie aus oder schreiben Sie sie auf, und bewahren Sie sie sicher auf.
recovery-codes-kept = Ich habe sie aufbewahrt

## Angemeldet und abgemeldet

signed-in = Angemeldet
signed-in-heading = Sie sind angemeldet
signed-in-as = Als
signed-in-since = Seit
signed-in-advice = Öffnen Sie eine beliebige Anwendung von { $realm }: Sie sind dort bereits bekannt. Melden Sie sich an einem gemeinsam genutzten Computer ab, wenn Sie fertig sind.
add-passkey = Passkey hinzufügen
add-totp = Authenticator-App hinzufügen
moment =
    { $day }. { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    } { $year }, { $clock } Uhr (UTC)
sign-out = Abmelden
sign-out-title = Abmelden?
sign-out-heading = Von { $realm } abmelden?
sign-out-asked = <strong>{ $application }</strong> möchte Ihre Sitzung beenden. Sie werden in diesem Browser von allen Anwendungen von { $realm } abgemeldet.
sign-out-advice = Sie werden in diesem Browser von allen Anwendungen von { $realm } abgemeldet.
sign-out-stay = Angemeldet bleiben
sign-out-close = Um angemeldet zu bleiben, schließen Sie diese Seite.
signed-out = Abgemeldet
signed-out-heading = Sie sind abgemeldet
signed-out-advice = Ihre Sitzung bei { $realm } ist in diesem Browser beendet. Schließen Sie an einem gemeinsam genutzten Computer auch die Browserfenster.
signing-out = Abmeldung läuft
session = Sitzung

## Das Konto

account = Ihr Konto
account-lede = Ihr Konto bei { $realm }
account-overview = Übersicht
account-applications = Anwendungen
fold-account = Jede Änderung wird im Protokoll von { $realm } verzeichnet.
account-username = Benutzername
account-email = E-Mail
account-ways = So melden Sie sich an
account-since = Hier angemeldet seit
way-password = Ein Passwort
way-passkeys =
    { $number ->
        [one] Ein Passkey
       *[other] { $number } Passkeys
    }
way-totp =
    { $number ->
        [one] Eine Authenticator-App
       *[other] { $number } Authenticator-Apps
    }
way-recovery-codes =
    { $number ->
        [one] Ein Wiederherstellungscode
       *[other] { $number } Wiederherstellungscodes
    }
account-applications-none = Sie haben noch keiner Anwendung etwas erlaubt. Wenn eine darum bittet und Sie es erlauben, steht sie hier, und Sie können es widerrufen.
account-applications-lede = Diese Anwendungen dürfen in Ihrem Namen Folgendes tun. Was Sie widerrufen, endet sofort: Die Anwendung behält keinen Zugriff und muss Sie erneut fragen.
account-allowed = Erlaubt am
account-switched-off = derzeit abgeschaltet
account-withdraw = Zugriff widerrufen
account-withdraw-of = Zugriff widerrufen: { $application }
done-withdrawn = Der Zugriff wurde widerrufen
done-withdrawn-text = Was die Anwendung hatte, ist ungültig. Sie kann Sie erneut fragen.
account-stale = Diese Seite war nicht mehr aktuell
account-stale-text = Es wurde nichts geändert. So ist der Stand jetzt; versuchen Sie es noch einmal.
account-gone = Das gibt es nicht mehr
account-gone-text = Es wurde nichts geändert. So ist der Stand jetzt.
way-federated =
    { $number ->
        [one] Ein Konto anderswo
       *[other] { $number } Konten anderswo
    }
account-identities = Mit anderen Konten anmelden
account-identities-none = Sie melden sich nur mit dem an, was Sie hier haben.
account-identities-lede = Diese Konten anderswo melden Sie hier an.
done-letter = Eine Nachricht an Sie ist unterwegs
done-letter-text = Geben Sie den Code daraus ein. Sehen Sie auch bei unerwünschten Nachrichten nach.
done-verified = Ihre Adresse ist bestätigt
done-verified-text = Von nun an ist bekannt, dass sie Ihnen gehört.
done-asked = Nachrichten sind unterwegs
done-asked-text = Geben Sie die Codes daraus ein. Noch hat sich nichts geändert.
done-half = Danke
done-half-text = Auch an die andere Adresse ging eine Nachricht. Sobald auch ihr Code eingegeben ist, wird die Adresse geändert.
done-email = Ihre Adresse wurde geändert
done-email-text = Von nun an melden Sie sich mit ihr an.
account-wrong-code = Der Code stimmt nicht
account-wrong-code-text = Oder er gilt nicht mehr: Es zählt der aus der letzten Nachricht, zehn Minuten lang und fünf Versuche.
account-no-other-address = Das ist keine andere Adresse
account-no-other-address-text = Geben Sie eine andere E-Mail-Adresse ein als die, die Sie haben.
account-missing = Es fehlt etwas
account-missing-text = Füllen Sie aus, wonach gefragt wird.
account-too-many-letters = Zu viele Nachrichten
account-too-many-letters-text = Es geht eine in der halben Minute hinaus und fünf in der Stunde. Sehen Sie in Ihr Postfach, auch bei unerwünschten Nachrichten, oder warten Sie.
email-yours = Ihre Adresse ist { $email }.
unverified = Nicht bestätigt
email-unverified-text = Es ist noch nicht bekannt, ob sie Ihnen gehört. Ein Code, der an sie geschickt wird, zeigt das.
email-none = Ihr Konto hat keine E-Mail-Adresse.
email-code-first = Code schicken
email-confirm = Das ist meine Adresse
email-pending = Ihre Adresse wird geändert
email-pending-to = Neu soll sie { $email } sein.
email-pending-text = Geben Sie die Codes aus den Nachrichten ein, nacheinander oder beide zugleich. Sie gelten zehn Minuten.
email-code-new = Code aus der Nachricht an die neue Adresse
email-code-before = Code aus der Nachricht an die bisherige Adresse
email-change = Adresse ändern
email-other = Eine andere Adresse
email-add = Eine Adresse hinzufügen
email-other-text = An sie wird ein Code geschickt, und an die bisherige, wenn sie bestätigt ist. Bevor beide hier eingegeben sind, ändert sich nichts.
email-new = Neue E-Mail-Adresse
email-mail-codes = Codes schicken
done-unlinked = Es wurde entfernt
done-unlinked-text = Es meldet Sie hier nicht mehr an.
account-profile = Profil
account-credentials = Anmeldung
account-password = Ein anderes Passwort wählen
account-sessions = Wo Sie angemeldet sind
account-devices = Geräte
this-one = Dieses hier
done-confirmed = Danke, Sie sind es
done-confirmed-text = In den nächsten zehn Minuten können Sie ändern, wie Sie sich anmelden. Noch wurde nichts geändert.
done-password = Ihr Passwort ist geändert
done-password-text = Überall sonst wurden Sie abgemeldet.
done-renamed = Der Passkey hat seinen neuen Namen
done-renamed-text = Sonst hat sich nichts geändert.
done-passkey = Der Passkey ist entfernt
done-passkey-text = Mit ihm meldet sich hier niemand mehr an. Löschen Sie ihn auch auf Ihrem Gerät.
done-totp = Die Authenticator-App ist entfernt
done-totp-text = Ihre Codes gelten nicht mehr. Löschen Sie den Eintrag auch in der App.
done-codes = Das sind Ihre neuen Wiederherstellungscodes
done-codes-text = Die bisherigen gelten nicht mehr.
done-ended = Dieser Browser ist abgemeldet
done-ended-text = Die Anwendungen, die darin benutzt wurden, erfahren es.
done-others = Sie sind überall sonst abgemeldet
done-others-text = Die Anwendungen, die dort benutzt wurden, erfahren es.
done-profile = Ihr Profil ist geändert
done-profile-text = Anwendungen sehen es, wenn sie das nächste Mal fragen.
done-device = Das Gerät hat seinen Namen
done-device-text = Sonst hat sich nichts geändert.
done-trust = Dem Gerät wird nicht mehr vertraut
done-trust-text = Dort wird ab jetzt wieder nach Ihrem zweiten Faktor gefragt.
done-revoked = Das Gerät ist gesperrt
done-revoked-text = Wer es hat, ist abgemeldet. Kennen Sie es nicht, so ändern Sie auch Ihr Passwort.
account-last-way = Das brauchen Sie noch
account-last-way-text = Es ist Ihr letzter Weg zur Anmeldung, oder der zweite, der hier verlangt wird. Fügen Sie zuerst einen anderen hinzu.
account-bad-name = Dieser Name geht nicht
account-bad-name-text = Ein Name hat 1 bis 60 Zeichen.
credentials-chosen = Gewählt am
credentials-no-password = Sie haben kein Passwort.
credentials-change-password = Passwort ändern
credentials-choose-password = Ein Passwort wählen
credentials-password = Ihr Passwort
passkeys = Ihre Passkeys
passkeys-none = Mit einem Passkey melden Sie sich per Fingerabdruck, Gesicht oder PIN Ihres Geräts an. Sie haben keinen.
added = Hinzugefügt am
passkey-synchronised = kann auf Ihre anderen Geräte kopiert werden
passkey-one-device = nur auf einem Gerät
new-name-of = Neuer Name von { $name }
rename = Umbenennen
rename-of = { $name } umbenennen
remove = Entfernen
remove-of = { $name } entfernen
totp = Authenticator-Apps
totp-none = Eine App auf Ihrem Telefon zeigt einen Code, den Sie nach dem Passwort eingeben. Sie haben keine.
codes-left =
    { $number ->
        [one] Einer davon ist übrig.
       *[other] { $number } davon sind übrig.
    }
codes-made = Erstellt am
codes-none = Mit ihnen kommen Sie hinein, wenn Ihr Telefon verloren ist. Sie haben keine.
codes-new = Neue Wiederherstellungscodes erstellen
password-at-least = Es hat mindestens { $number } beliebige Zeichen: Mehrere Wörter hintereinander sind leicht zu merken und schwer zu erraten.
password-at-most = Es hat höchstens { $number } Zeichen.
password-blocklist = Passwörter, die viele Leute benutzen, werden nicht angenommen.
password-ends-others = Überall sonst werden Sie abgemeldet.
new-password = Neues Passwort
new-password-again = Noch einmal dasselbe
password-change = Passwort ändern und speichern
password-not-taken = Dieses Passwort wird nicht angenommen
password-missing = Geben Sie das neue Passwort ein, zweimal.
password-differs = Die beiden sind nicht gleich. Geben Sie das neue Passwort zweimal ein.
weak-too-short = Nehmen Sie mindestens { $number } Zeichen. Einige Wörter, die nicht zusammengehören, sind leicht zu merken.
weak-too-long = Nehmen Sie höchstens { $number } Zeichen.
weak-common = Dieses Passwort benutzen viele Leute, und Angreifer probieren es zuerst. Wählen Sie ein anderes.
weak-repetitive = Das wiederholt dieselben wenigen Zeichen. Wählen Sie etwas, das schwerer zu erraten ist.
weak-sequential = Das folgt der Reihe des Alphabets, der Ziffern oder der Tastatur. Wählen Sie etwas, das schwerer zu erraten ist.
weak-contextual = Das besteht aus Ihrem Namen, Ihrer E-Mail-Adresse oder dem Namen dieses Dienstes. Wählen Sie ein anderes.
weak-breached = Dieses Passwort ist aus einem Datendiebstahl anderswo bekannt, und Angreifer probieren solche. Wählen Sie ein anderes, und ändern Sie es überall, wo Sie es sonst benutzen.
sessions-lede = Diese Browser kennen Sie bei { $realm }.
sessions-idle = Einer, der nicht benutzt wird, wird nach { $span } von selbst abgemeldet.
sessions-absolute = Jeder wird nach { $span } abgemeldet.
sessions-advice = Ist einer dabei, den Sie nicht kennen, so melden Sie ihn ab und ändern Sie Ihr Passwort.
span-minutes =
    { $number ->
        [one] einer Minute
       *[other] { $number } Minuten
    }
span-hours =
    { $number ->
        [one] einer Stunde
       *[other] { $number } Stunden
    }
span-days =
    { $number ->
        [one] einem Tag
       *[other] { $number } Tagen
    }
session-began = Angemeldet am
from-address = von { $address } aus
session-used = Zuletzt benutzt am
session-ends = Endet spätestens am
session-used-for = Benutzt für
session-end = Abmelden
session-end-of = { $name } abmelden, angemeldet am { $since }
sessions-end-others = Überall sonst abmelden
agent-on = { $name } unter { $system }
agent-system = Ein Browser unter { $system }
agent-unknown = Ein unbekannter Browser
devices-lede = Mit diesen Browsern haben Sie sich angemeldet. Sperren Sie einen, den Sie nicht kennen oder nicht mehr haben: Wer ihn hat, wird sofort abgemeldet.
devices-none = Noch ist keines bekannt: Dieses wird es sein, wenn Sie sich das nächste Mal anmelden.
known-device-first = Zuerst angemeldet am
known-device-last = Zuletzt angemeldet am
known-device-trusted = Nach Ihrem zweiten Faktor wird nicht gefragt bis
known-device-name = Name von { $name }
known-device-give = Benennen
known-device-give-of = { $name } benennen
known-device-untrust = Nicht mehr vertrauen
known-device-untrust-of = { $name } nicht mehr vertrauen
known-device-revoke = Sperren
known-device-revoke-here = Sperren und abmelden
known-device-revoke-of = { $name } sperren
known-device-revoke-here-of = Sperren und abmelden: { $name }
trust-device =
    { $number ->
        [one] Auf diesem Gerät einen Tag lang nicht mehr fragen. Nur ankreuzen, wenn es sonst niemand benutzt.
       *[other] Auf diesem Gerät { $number } Tage lang nicht mehr fragen. Nur ankreuzen, wenn es sonst niemand benutzt.
    }
profile-wrong = Etwas ist nicht, wie es sein muss
profile-wrong-text = Es wurde nichts geändert. Sehen Sie nach, was markiert ist, und versuchen Sie es noch einmal.
profile-name = Voller Name
profile-given-name = Vorname
profile-family-name = Nachname
profile-locale = Bevorzugte Sprache
profile-locale-hint = Als Kürzel, etwa en oder de-CH
profile-zoneinfo = Zeitzone
profile-zoneinfo-hint = Etwa Europe/Zurich
profile-not-said = Keine Angabe
yes = Ja
no = Nein
save = Speichern
profile-signs-in = Womit Sie sich anmelden
verified = Bestätigt
profile-no-email = Keine
fault-taken = Diesen Namen hat schon jemand.
fault-required = Das ist hier verlangt.
fault-locale = Das ist kein Sprachkürzel wie de-CH.
fault-zoneinfo = Das ist keine Zeitzone wie Europe/Zurich.
fault-other = Das geht hier nicht.

## Zurück zur Anwendung

form-post = Zurück
form-post-heading = Noch ein Schritt
form-post-lede = Sie sind auf dem Weg zurück zur Anwendung.
form-post-lede-to = Sie sind auf dem Weg zurück zu <strong>{ $application }</strong>.

## Was eine Anwendung darf

consent = { $application } erlauben?
consent-new = Sie sind als <strong>{ $username }</strong> angemeldet. <strong>{ $application }</strong> möchte:
consent-again = Sie sind als <strong>{ $username }</strong> angemeldet. <strong>{ $application }</strong> bittet Sie zu bestätigen, dass weiterhin erlaubt ist:
consent-unvouched = Die Anwendung hat sich selbst registriert, und niemand bei { $realm } bürgt für ihren Namen. Was Sie erlauben, geht an <strong>{ $destination }</strong>.
consent-known = Das haben Sie bereits erlaubt, und dabei bleibt es:
consent-allow = Erlauben
consent-deny = Ablehnen
consent-about = Über { $application }
consent-privacy = Datenschutzerklärung der Anwendung
consent-terms = Nutzungsbedingungen der Anwendung
scope-openid = Sie anhand einer Kennung von { $realm } wiedererkennen
scope-profile = Ihren Namen, Ihren Benutzernamen, Ihre Sprache und Ihre Zeitzone sehen
scope-profile-more = Ihren Namen, Ihren Benutzernamen, Ihre Sprache und Ihre Zeitzone sehen, außerdem { $attributes }
scope-email = Ihre E-Mail-Adresse sehen, und ob sie bestätigt ist
scope-phone = Ihre Telefonnummer sehen, und ob sie bestätigt ist
scope-offline-access = Diesen Zugriff auch in Ihrer Abwesenheit behalten, bis Sie ihn widerrufen
scope-manage = { $realm } in Ihrem Namen verwalten, soweit Sie selbst es dürfen
scope-other = „{ $name }“ in Ihrem Namen nutzen
claim-name = Ihren vollständigen Namen sehen
claim-given-name = Ihren Vornamen sehen
claim-family-name = Ihren Nachnamen sehen
claim-preferred-username = Ihren Benutzernamen sehen
claim-locale = Ihre Sprache sehen
claim-zoneinfo = Ihre Zeitzone sehen
claim-email = Ihre E-Mail-Adresse sehen
claim-email-verified = Sehen, ob Ihre E-Mail-Adresse bestätigt ist
claim-phone-number = Ihre Telefonnummer sehen
claim-phone-number-verified = Sehen, ob Ihre Telefonnummer bestätigt ist
claim-other = Ihre Angabe „{ $name }“ sehen

## Geräte, die auf Zustimmung warten

device = Gerät verbinden
device-lede = Geben Sie den Code ein, den Ihr Gerät anzeigt.
device-code = Code
device-confirm = { $application } verbinden?
device-asks = Ein Gerät, das den Code <strong>{ $code }</strong> anzeigt, möchte für <strong>{ $username }</strong> handeln:
device-warning = Fahren Sie nur fort, wenn Sie dies gerade selbst begonnen haben, an einem Gerät, das vor Ihnen steht und denselben Code anzeigt. Wenn Ihnen jemand den Code geschickt hat, lehnen Sie ab.
device-connect = Verbinden
device-refuse = Ablehnen
device-connected-title = Verbunden
device-connected = { $application } ist verbunden
device-connected-advice = Gehen Sie zurück zu Ihrem Gerät: In wenigen Sekunden geht es dort von selbst weiter. Sie können diese Seite schließen.
device-refused-title = Abgelehnt
device-refused = { $application } wurde abgelehnt
device-refused-advice = Das Gerät erhält nichts. Sie können diese Seite schließen.
device-nowhere = Dieser Code gilt nicht
device-nowhere-advice = Vergleichen Sie ihn mit der Anzeige Ihres Geräts. Stimmt er überein, beginnen Sie am Gerät von vorn.
device-too-many-advice = Warten Sie eine halbe Stunde und beginnen Sie dann am Gerät von vorn.

## Was beim Anmelden schiefgehen kann

did-not-work = Das hat nicht geklappt
missing = Es fehlt etwas
missing-advice = Füllen Sie die leeren Felder aus.
too-many = Zu viele Versuche
busy = Gerade ist viel los
busy-advice = Mit Ihrer Eingabe ist alles in Ordnung. Versuchen Sie es in einigen Sekunden noch einmal.
stale = Diese Seite war veraltet
stale-advice = Sie war zu lange geöffnet oder wurde zweimal abgeschickt. Melden Sie sich noch einmal an.
not-recognised = Benutzername oder Passwort stimmt nicht. Prüfen Sie beides und versuchen Sie es noch einmal.
wrong-code = Der Code stimmt nicht oder wurde bereits verwendet. Warten Sie auf den nächsten und versuchen Sie es noch einmal.
wrong-passkey = Mit diesem Passkey können Sie sich hier nicht anmelden: Vielleicht wurde er entfernt, gehört zu einem anderen Konto, oder Ihr Gerät hat nicht geprüft, ob Sie es sind. Versuchen Sie es mit einem anderen Passkey oder auf einem anderen Weg.
passkey-unverified = Ihr Gerät hat nicht geprüft, ob Sie es sind. Richten Sie darauf eine PIN, einen Fingerabdruck oder die Gesichtserkennung ein und versuchen Sie es noch einmal.
passkey-unaccepted = Passkeys dieser Art werden hier nicht akzeptiert. Verwenden Sie ein anderes Gerät oder einen anderen Sicherheitsschlüssel.
passkey-not-made = Der Passkey wurde nicht eingerichtet. Vielleicht ist er bereits registriert. Versuchen Sie es noch einmal.
unknown-identity = Sie sind hier nicht bekannt
unknown-identity-advice = Zu Ihrem Konto dort gehört hier keines. Nehmen Sie ein anderes, oder melden Sie sich auf einem anderen Weg an.
others-identity = Ihr Konto dort gehört hier zu einem anderen Konto. Nehmen Sie ein anderes.
known-address = Mit Ihrer Adresse gibt es schon ein Konto
known-address-advice = Melden Sie sich an wie bisher. Dann können Sie diesen Weg zu Ihrem Konto hinzufügen.
too-many-identities = Sie haben so viele davon, wie es geben darf. Entfernen Sie zuerst eines.
provider-tells-too-little = Von dort kam nicht alles, was ein Konto hier braucht, etwa eine bestätigte E-Mail-Adresse. Melden Sie sich auf einem anderen Weg an.
provider-declined = Sie haben sich nicht angemeldet
provider-declined-advice = Sie sind zurückgekommen, ohne sich dort anzumelden. Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Weg.
provider-failed = Was von dort über Sie kam, ist nicht zu gebrauchen. Versuchen Sie es noch einmal, oder melden Sie sich auf einem anderen Weg an.
provider-unavailable = Von dort kommt gerade keine brauchbare Antwort. Melden Sie sich auf einem anderen Weg an, oder versuchen Sie es später noch einmal.
wait-seconds =
    { $seconds ->
        [one] Warten Sie eine Sekunde und versuchen Sie es noch einmal.
       *[other] Warten Sie { $seconds } Sekunden und versuchen Sie es noch einmal.
    }
wait-minutes =
    { $minutes ->
        [one] Warten Sie eine Minute und versuchen Sie es noch einmal.
       *[other] Warten Sie { $minutes } Minuten und versuchen Sie es noch einmal.
    }

## Fehlerseiten

error-code = Code
error-request = Anfrage
error-developer = Für die Entwickler der Anwendung
request = Diese Anfrage lässt sich nicht beantworten
request-message = Die Anwendung, die Sie hierher geschickt hat, hat auf ungültige Weise gefragt. Gehen Sie dorthin zurück und versuchen Sie es noch einmal; hilft das nicht, wenden Sie sich an deren Betreiber.
application = Diese Anwendung ist hier nicht bekannt
application-message = Der Link, dem Sie gefolgt sind, nennt eine Anwendung, bei der man sich hier nicht oder nicht mehr anmeldet. Gehen Sie dorthin zurück, woher Sie kamen; wenn Sie Zugang erwartet haben, wenden Sie sich an die Betreiber der Anwendung.
way-back = Es gibt keinen sicheren Weg zurück
way-back-message = Die Adresse, an die Sie geschickt werden sollten, hat die Anwendung nicht registriert; deshalb wurden Sie nirgendwohin geschickt. Wenn Sie eine Nachricht oder eine Website hierher geführt hat, die Sie nicht kennen, schließen Sie diese Seite; sonst wenden Sie sich an die Betreiber der Anwendung.
not-signed-out = Sie wurden nicht abgemeldet
not-signed-out-message = Die Anwendung, die Sie hierher geschickt hat, hat auf ungültige Weise gefragt, deshalb hat sich nichts geändert: Wenn Sie angemeldet waren, sind Sie es noch. Wenden Sie sich an die Betreiber der Anwendung.
unreadable = Diese Anfrage ist nicht lesbar
unreadable-message = Ein Teil fehlt, kommt doppelt vor oder ist zu lang. Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie von vorn; hilft das nicht, wenden Sie sich an die Betreiber der Anwendung.
stale-message = Sie war zu lange geöffnet, wurde zweimal abgeschickt oder in einem anderen Browser geöffnet. Gehen Sie zurück zu der Anwendung, die Sie hierher geschickt hat, und beginnen Sie von vorn.
unmet = Für die Anmeldung fehlt noch etwas
unmet-message = Sie haben keinen zweiten Weg, sich auszuweisen, der hier zählt. Wenden Sie sich an die Betreiber dieses Dienstes.
nothing-here = Hier ist nichts
nothing-here-message = Prüfen Sie die Adresse oder gehen Sie dorthin zurück, woher Sie kamen.
too-many-requests = Zu viele Anfragen
too-many-requests-message = In kurzer Zeit kam zu viel. Warten Sie einen Moment, und versuchen Sie es dann noch einmal.
unavailable = Das geht im Augenblick nicht
unavailable-message = Es liegt nicht an Ihnen. Versuchen Sie es in einigen Sekunden noch einmal.
internal = Etwas ist schiefgegangen
internal-message = Es liegt nicht an Ihnen. Versuchen Sie es später noch einmal; bleibt es dabei, wenden Sie sich an die Betreiber dieses Dienstes.
other-method = So wird diese Seite nicht benutzt
other-method-message = Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie von vorn.
not-for-you = Dies ist nicht für Sie bestimmt
not-for-you-message = Gehen Sie dorthin zurück, woher Sie kamen.

## Über Nachrichten

forgot-password = Passwort vergessen?
register = Registrieren
use-email = Code per E-Mail schicken
use-sms = Code per SMS schicken
wrong-mailed-code = Der Code stimmt nicht oder gilt nicht mehr: Es zählt der aus der letzten Nachricht; er gilt zehn Minuten und kann fünfmal versucht werden. Prüfen Sie ihn oder lassen Sie sich einen neuen schicken.
wrong-texted-code = Der Code stimmt nicht oder gilt nicht mehr: Es zählt der aus der letzten SMS; er gilt zehn Minuten und kann fünfmal versucht werden. Prüfen Sie ihn oder lassen Sie sich einen neuen schicken.
email-code-heading = Sehen Sie in Ihr Postfach
email-code-lede = Wenn { $username } hier ein Konto mit einer bestätigten E-Mail-Adresse hat, ist eine Nachricht dorthin unterwegs. Geben Sie den Code daraus ein.
email-code = Code aus der Nachricht
email-code-again = Einen neuen Code schicken
way-email = Nachrichten an Ihre E-Mail-Adresse
text-code-heading = Sehen Sie auf Ihr Telefon
text-code-lede = Eine SMS mit einem Code ist unterwegs zu Ihrer Nummer, die auf { $destination } endet. Geben Sie den Code daraus ein und sagen Sie ihn niemandem.
text-code = Code aus der SMS
text-code-again = Neuen Code schicken
way-sms = SMS an Ihre Telefonnummer
void-letter = Dieser Link gilt nicht mehr
void-letter-message = Er ist abgelaufen, wurde schon benutzt, oder es kam seither eine neue Nachricht: Nur die letzte zählt. Gehen Sie dorthin zurück, wo Sie ihn angefordert haben, und fordern Sie einen neuen an.
no-letters = Das wird hier nicht angeboten
no-letters-message = Dieser Dienst verschickt dafür keine Nachrichten. Fragen Sie die Betreiber.
email-address = E-Mail-Adresse
back-to-sign-in = Zurück zur Anmeldung
on-to-sign-in = Weiter zur Anmeldung
too-many-letters = Zu viele Nachrichten
too-many-letters-advice = Es gibt eine in einer halben Minute und fünf in einer Stunde. Sehen Sie in Ihr Postfach, auch in den Ordner für unerwünschte Nachrichten, oder warten Sie.
unfit = Etwas ist nicht, wie es sein muss
unfit-advice = Geben Sie hier etwas anderes ein: { $name }.
unfit-realm = Für ein Konto wird hier mehr verlangt, als dieses Formular abfragt. Sagen Sie den Betreibern dieses Dienstes Bescheid.
recover-lede = Sagen Sie, wer Sie sind. An die Adresse Ihres Kontos geht eine Nachricht mit einem Link, über den Sie ein neues Passwort setzen.
recover-button = Link schicken
recover-sent = Wenn es ein Konto dieses Namens mit einer E-Mail-Adresse gibt, ist eine Nachricht dorthin unterwegs. Der Link darin gilt eine Viertelstunde.
recover-nothing = Es kommt nichts an? Sehen Sie nach, wo unerwünschte Nachrichten landen, prüfen Sie den Namen, oder fragen Sie die Betreiber dieses Dienstes.
register-lede = An Ihre Adresse geht eine Nachricht mit einem Code. Damit zeigen Sie, dass sie Ihnen gehört.
register-known = Sie haben schon ein Konto? Anmelden
register-sent = Eine Nachricht ist an die Adresse unterwegs. Geben Sie den Code daraus ein oder öffnen Sie den Link.
register-again = Andere Adresse oder neue Nachricht
register-details = Ihr Konto bekommt die Adresse { $account }.
registered = Sie sind registriert
registered-text = Melden Sie sich mit Ihrer Adresse und Ihrem Passwort an.
unfit-address = Diese Adresse geht nicht
unfit-address-advice = Es ist keine E-Mail-Adresse oder keine, mit der man sich hier registrieren darf.
unfit-password = Wählen Sie ein anderes Passwort
set-password = Neues Passwort setzen
set-password-lede = Es wird das Passwort des Kontos { $account }. Alle bisherigen Sitzungen enden.
set-password-button = Passwort setzen
password-set = Ihr Passwort ist gesetzt
password-set-text = Melden Sie sich von jetzt an damit an.
invited = Willkommen
invited-lede = Setzen Sie ein Passwort für Ihr Konto { $account }.
email-mine = Das ist meine Adresse
email-question = Ist das Ihre Adresse?
email-question-lede = Bestätigen Sie, dass die Adresse, an die die Nachricht ging, die des Kontos { $account } ist.
email-new-lede = Das Konto { $account } soll die Adresse bekommen, an die die Nachricht ging.
email-change-question = Adresse ändern?
email-before-lede = Das Konto { $account } soll eine andere E-Mail-Adresse bekommen statt der, an die die Nachricht ging.
email-confirmed = Ihre Adresse ist bestätigt
email-confirmed-text = Von jetzt an ist bekannt, dass sie Ihnen gehört.
email-changed = Ihre Adresse wurde geändert
email-changed-text = Sie melden sich von jetzt an mit der neuen an.
email-half = Vielen Dank
email-half-text = Auch die andere Adresse hat eine Nachricht bekommen. Sobald dort ebenfalls zugestimmt wurde, wird die Adresse geändert.
account-phone = Telefonnummer
phone-yours = Ihre Nummer ist { $destination }.
phone-unverified-text = Es ist noch nicht bestätigt, dass sie Ihnen gehört. Ein Code, der an sie geht, zeigt das.
done-text = Eine SMS ist unterwegs
done-text-text = Geben Sie den Code daraus ein.
done-phone = Ihre Nummer ist bestätigt
done-phone-text = Von nun an ist bekannt, dass sie Ihnen gehört.
account-too-many-texts = Zu viele SMS
account-too-many-texts-text = Es geht eine in der halben Minute hinaus und fünf in der Stunde. Warten Sie, bevor Sie eine weitere senden lassen.
phone-none = Ihr Konto hat keine Telefonnummer.
phone-code = Code aus der SMS
phone-mine = Das ist meine Nummer
phone-code-send = Code senden
phone-code-again = Neuen Code senden
phone-another = Eine andere Nummer
phone-new = Neue Telefonnummer, mit der des Landes (+41 …)
phone-another-send = Diese Nummer nehmen
account-no-other-number = Das ist keine andere Nummer
account-no-other-number-text = Geben Sie eine andere Telefonnummer ein als die, die Sie haben, mit der des Landes: etwa +41 79 123 45 67.
letter-here = Machen Sie weiter, wo Sie begonnen haben.
letter-code = Ihr Code
letter-elsewhere = Sie haben die Anmeldung in einem anderen Browser begonnen. Geben Sie dort diesen Code ein; dieser Browser wird nicht angemeldet.
letter-not-begun = Wenn Sie keine Anmeldung begonnen haben, schließen Sie diese Seite und geben Sie den Code niemandem.

## Die Nachrichten selbst

duration-minutes =
    { $number ->
        [one] eine Minute
       *[other] { $number } Minuten
    }
duration-hours =
    { $number ->
        [one] eine Stunde
       *[other] { $number } Stunden
    }
duration-days =
    { $number ->
        [one] einen Tag
       *[other] { $number } Tage
    }
letter-was-me = Wenn Sie das waren, ist nichts zu tun.
letter-was-not-me = Wenn nicht, hat vielleicht jemand Zugang zu Ihrem Konto: Ändern Sie Ihr Passwort und sagen Sie den Betreibern von { $realm } Bescheid.
letter-not-asked = Wenn Sie das nicht wollten, ist nichts zu tun. Geben Sie Code und Link niemandem weiter, wer auch fragt.
letter-taken = Sie haben ein Konto bei { $realm }
letter-taken-text = Jemand, vielleicht Sie selbst, wollte diese Adresse für ein Konto bei { $realm } benutzen. Sie hat schon eines: Melden Sie sich damit an.
letter-taken-else = Wenn Sie Ihr Passwort vergessen haben, setzen Sie von der Anmeldeseite aus ein neues. Wenn Sie es nicht waren, ist nichts zu tun.
letter-password-changed = Ihr Passwort bei { $realm } wurde geändert
letter-password-changed-text = Das Passwort des Kontos { $account } bei { $realm } wurde am { $when } geändert. Alle früheren Sitzungen sind beendet.
letter-email-changed = Ihre E-Mail-Adresse bei { $realm } wurde geändert
letter-email-changed-text = Das Konto { $account } bei { $realm } hat seit dem { $when } eine andere E-Mail-Adresse. Diese hier wird dafür nicht mehr benutzt.
letter-totp-added = Eine Authenticator-App wurde bei { $realm } hinzugefügt
letter-totp-added-text = Dem Konto { $account } bei { $realm } wurde am { $when } eine Authenticator-App hinzugefügt.
letter-totp-removed = Eine Authenticator-App wurde bei { $realm } entfernt
letter-totp-removed-text = Vom Konto { $account } bei { $realm } wurde am { $when } eine Authenticator-App entfernt.
letter-passkey-added = Ein Passkey wurde bei { $realm } hinzugefügt
letter-passkey-added-text = Dem Konto { $account } bei { $realm } wurde am { $when } ein Passkey hinzugefügt.
letter-passkey-removed = Ein Passkey wurde bei { $realm } entfernt
letter-passkey-removed-text = Vom Konto { $account } bei { $realm } wurde am { $when } ein Passkey entfernt.
letter-recovery-codes-made = Neue Wiederherstellungscodes bei { $realm }
letter-recovery-codes-made-text = Für das Konto { $account } bei { $realm } wurden am { $when } Wiederherstellungscodes erstellt. Frühere gelten nicht mehr.
letter-recovery-codes-removed = Ihre Wiederherstellungscodes bei { $realm } wurden entfernt
letter-recovery-codes-removed-text = Die Wiederherstellungscodes des Kontos { $account } bei { $realm } wurden am { $when } entfernt.
letter-email-verification = Ist das Ihre E-Mail-Adresse? { $realm }
letter-email-verification-text = Zeigen Sie, dass dies die E-Mail-Adresse des Kontos { $account } bei { $realm } ist: Geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten { $duration }.
letter-email-change = Ihre neue E-Mail-Adresse bei { $realm }
letter-email-change-text = Das Konto { $account } bei { $realm } soll diese E-Mail-Adresse bekommen. Zeigen Sie, dass sie Ihnen gehört: Geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten { $duration }.
letter-email-change-before = Eine andere E-Mail-Adresse für Ihr Konto bei { $realm }?
letter-email-change-before-text = Jemand, der beim Konto { $account } bei { $realm } angemeldet ist, möchte statt dieser eine andere E-Mail-Adresse. Wenn Sie das sind, geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten { $duration }.
letter-email-change-before-else = Wenn nicht, tun Sie nichts und ändern Sie Ihr Passwort: Ohne Sie wird nichts geändert.
letter-sign-in = Ihr Code für { $realm }
letter-sign-in-text = Geben Sie diesen Code ein, um sich bei { $realm } anzumelden. Er gilt { $duration } in dem Fenster, in dem Sie ihn angefordert haben.
letter-password-recovery = Ein neues Passwort bei { $realm }
letter-password-recovery-text = Öffnen Sie den Link, um für das Konto { $account } bei { $realm } ein neues Passwort zu setzen. Er gilt einmal, { $duration } lang.
letter-password-recovery-button = Neues Passwort setzen
letter-registration = Ihre Registrierung bei { $realm }
letter-registration-text = Um sich bei { $realm } mit dieser E-Mail-Adresse zu registrieren, geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten { $duration }.
letter-invitation = Sie sind zu { $realm } eingeladen
letter-invitation-text = Bei { $realm } gibt es ein Konto für Sie: { $account }. Öffnen Sie den Link, um ein Passwort dafür zu setzen. Er gilt einmal, { $duration } lang.
letter-invitation-button = Annehmen
letter-phone-changed = Ihre Telefonnummer bei { $realm } wurde geändert
letter-phone-changed-text = Das Konto { $account } bei { $realm } hat seit { $when } eine andere Telefonnummer oder keine mehr.
letter-device-added = Anmeldung auf einem neuen Gerät bei { $realm }
letter-device-added-text = Am { $when } hat sich jemand mit dem Konto { $account } bei { $realm } auf einem Gerät angemeldet, das nicht bekannt war: { $what }.
letter-identity-linked = Sie können sich bei { $realm } jetzt über { $what } anmelden
letter-identity-linked-text = Mit dem Konto { $account } bei { $realm } wurde am { $when } ein Konto bei { $what } verknüpft: Auch darüber kann man sich jetzt anmelden.
letter-identity-unlinked = Die Anmeldung bei { $realm } über { $what } ist aufgehoben
letter-identity-unlinked-text = Die Verknüpfung des Kontos { $account } bei { $realm } mit einem Konto bei { $what } wurde am { $when } aufgehoben: Darüber kann man sich nicht mehr anmelden.
text-phone-verification = { $code } ist Ihr Code für { $realm }. Er gilt { $duration }.
text-sign-in = { $code } ist Ihr Code für die Anmeldung bei { $realm }. Er gilt { $duration }.
