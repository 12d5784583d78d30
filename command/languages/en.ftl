# What hosted pages say, in English. Every message stands in every language, with the same variables (`words/tests.rs`).
# `$realm` is always there: the realm as people know it. The only markup is <strong>, of messages that pages ask for as `rich`.

## Every page

languages = Language
title-again = Error: { $title }
links = Links
support = Help
privacy = Privacy
terms = Terms of use
seal = Under the seal of Chancery
fold-sign-in = Every sign-in here is entered in the log of { $realm }.
fold-answer = Your answer is entered in the log of { $realm }.
fold-consent = What you allow is entered in the log of { $realm }, and can be withdrawn.
fold-device = Nothing is connected before you have seen who asks.
fold-signed-out = The end of your session is entered in the log of { $realm }.
fold-error = If you ask for help, quote the code and the request above.
continue = Continue
go-on = Go on
go-on-to = Go on to { $application }
cancel = Cancel and go back
cancel-to = Cancel and go back to { $application }
not-now = Not now

## Signing in

sign-in = Sign in
sign-in-lede = to go on to <strong>{ $application }</strong>
username = User name or e-mail address
password = Password
password-heading = Enter your password
code = Six-digit code
recovery-code = Recovery code
code-heading = One more step, { $username }
code-lede = Enter the code that your authenticator app shows now.
recovery-code-lede = Enter one of the recovery codes that you kept. Each works once.
passkey-button = Sign in with a passkey
passkey-heading = Use your passkey
passkey-lede = Sign in with your device or security key.
passkey-lede-as = Sign in as <strong>{ $username }</strong> with your device or security key.
passkey-lede-to = Sign in to go on to <strong>{ $application }</strong> with your device or security key.
passkey-lede-as-to = Sign in as <strong>{ $username }</strong> to go on to <strong>{ $application }</strong> with your device or security key.
passkey-continue = Continue with a passkey
passkey-trouble = Nothing came of it. Try again, or go another way.
passkey-script = Passkeys need JavaScript, which is switched off in this browser.
use-password = Use your password
use-passkey = Use a passkey
use-totp = Use a code from your authenticator app
use-recovery-code = Use a recovery code
use-federated = Sign in with others
federated-continue = Continue with { $name }
joining = There is an account with this address here already. Show that it is yours; from then on { $name } signs you in to it, too.
add-federated = Sign in with others, too
add-identity-lede = Sign in once at one of these, and from then on it signs you in here, too.
ready = You are ready to go on
ready-lede = to <strong>{ $application }</strong>

## Setting up more to sign in with

enrol-totp = Set up an authenticator app
enrol-totp-lede = Somebody who learns your password will not get in without your phone.
enrol-totp-scan = Open an authenticator app on your phone, and scan this picture with it.
enrol-totp-picture = QR code; the same key stands below to be typed
enrol-totp-else = It cannot be scanned?
enrol-totp-link = Open this link on the phone itself
enrol-totp-key = Or type this key into the app:
enrol-totp-enter = Enter the code that the app shows.
enrol-passkey = Set up a passkey
enrol-passkey-lede = With a passkey you sign in by your fingerprint, your face or a PIN. Nobody can guess it, and it works on this site alone.
device-name = Name of this device (if you like)
passkey-name = Name of this passkey (if you like)
enrol = Set up and go on
enrol-passkey-instead = Set up a passkey instead
enrol-totp-instead = Set up an authenticator app instead
recovery-codes = Your recovery codes
recovery-codes-heading = Keep these recovery codes
recovery-codes-lede = If your phone is lost, each of them lets you in once. They are shown only now: print them, or write them down, and keep them in a safe place.
recovery-codes-kept = I have kept them

## Signed in, and out

signed-in = Signed in
signed-in-heading = You are signed in
signed-in-as = As
signed-in-since = Since
signed-in-advice = Open any application of { $realm }: it will know you. On a computer that you share, sign out when you have finished.
add-passkey = Add a passkey
add-totp = Add an authenticator app
moment =
    { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }, { $clock } UTC
sign-out = Sign out
sign-out-title = Sign out?
sign-out-heading = Sign out of { $realm }?
sign-out-asked = <strong>{ $application }</strong> asks to end your session. You will be signed out of every application of { $realm } in this browser.
sign-out-advice = You will be signed out of every application of { $realm } in this browser.
sign-out-stay = Stay signed in
sign-out-close = To stay signed in, close this page.
signed-out = Signed out
signed-out-heading = You are signed out
signed-out-advice = Your session at { $realm } has ended in this browser. On a computer that you share, close its windows too.
signing-out = Signing out
session = Session

## The account

account = Your account
account-lede = Your account at { $realm }
account-overview = Overview
account-applications = Applications
fold-account = Every change here is entered in the log of { $realm }.
account-username = User name
account-email = E-mail
account-ways = You sign in by
account-since = Signed in here since
way-password = A password
way-passkeys =
    { $number ->
        [one] A passkey
       *[other] { $number } passkeys
    }
way-totp =
    { $number ->
        [one] An authenticator app
       *[other] { $number } authenticator apps
    }
way-recovery-codes =
    { $number ->
        [one] One recovery code
       *[other] { $number } recovery codes
    }
account-applications-none = You have allowed no application anything. When one asks, and you allow it, it is listed here, and you can withdraw it.
account-applications-lede = These applications may do the following in your name. What you withdraw ends at once: the application keeps no access, and has to ask you again.
account-allowed = Allowed
account-switched-off = it is switched off at present
account-withdraw = Withdraw access
account-withdraw-of = Withdraw access: { $application }
done-withdrawn = The access was withdrawn
done-withdrawn-text = What the application had is void. It may ask you again.
account-stale = This page was out of date
account-stale-text = Nothing was changed. This is how it stands now; try again.
account-gone = That is not there any more
account-gone-text = Nothing was changed. This is how it stands now.
way-federated =
    { $number ->
        [one] An account elsewhere
       *[other] { $number } accounts elsewhere
    }
account-identities = Sign in with others
account-identities-none = You sign in with what you have here alone.
account-identities-lede = These accounts of yours elsewhere sign you in here.
done-letter = A letter is on its way to you
done-letter-text = Enter the code in it. Look where unwanted letters go, too.
done-verified = Your address is confirmed
done-verified-text = It is known to be yours from now on.
done-asked = Letters are on their way
done-asked-text = Enter the codes in them. Nothing has changed yet.
done-half = Thank you
done-half-text = The other address got a letter, too. When its code is entered as well, the address is changed.
done-email = Your address was changed
done-email-text = You sign in with it from now on.
account-wrong-code = The code is not right
account-wrong-code-text = Or it does not work any more: it is that of the last letter, works for ten minutes and can be tried five times.
account-no-other-address = This is no other address
account-no-other-address-text = Enter an e-mail address other than the one that you have.
account-missing = Something is missing
account-missing-text = Fill in what is asked for.
account-too-many-letters = Too many letters
account-too-many-letters-text = There is one in half a minute, and five in an hour. Look into your mailbox, also where unwanted letters go, or wait.
email-yours = Your address is { $email }.
unverified = Not confirmed
email-unverified-text = It is not known yet whether it is yours. A code that is mailed to it shows that.
email-none = Your account has no e-mail address.
email-code-first = Mail me a code
email-confirm = This is my address
email-pending = Your address is about to change
email-pending-to = It is to be { $email }.
email-pending-text = Enter the codes of the letters, one after the other or both at once. They work for ten minutes.
email-code-new = Code from the letter to the new address
email-code-before = Code from the letter to the present address
email-change = Change the address
email-other = Another address
email-add = Add an address
email-other-text = A code is mailed to it; and to the one that you have, if it is confirmed. Nothing changes before they are entered here.
email-new = New e-mail address
email-mail-codes = Mail the codes
done-unlinked = It was removed
done-unlinked-text = It does not sign you in here any more.
account-profile = Profile
account-credentials = Signing in
account-password = Choose another password
account-sessions = Where you are signed in
account-devices = Devices
this-one = This one
done-confirmed = Thank you, it is you
done-confirmed-text = For the next ten minutes you can change how you sign in. Nothing was changed yet.
done-password = Your password is changed
done-password-text = You were signed out everywhere else.
done-renamed = The passkey has its new name
done-renamed-text = Nothing else has changed.
done-passkey = The passkey is removed
done-passkey-text = It signs nobody in here any more. Delete it on your device, too.
done-totp = The authenticator app is removed
done-totp-text = Its codes are worth nothing any more. Delete the entry in the app, too.
done-codes = These are your new recovery codes
done-codes-text = The ones before are worth nothing any more.
done-ended = That browser is signed out
done-ended-text = The applications that were used in it are told.
done-others = You are signed out everywhere else
done-others-text = The applications that were used there are told.
done-profile = Your profile is changed
done-profile-text = Applications see it the next time that they ask.
done-device = The device has its name
done-device-text = Nothing else has changed.
done-trust = The device is trusted no more
done-trust-text = Your second factor is asked for there from now on.
done-revoked = The device is revoked
done-revoked-text = Whoever has it is signed out. If you do not know it, change your password, too.
account-last-way = You still need this one
account-last-way-text = It is your last way to sign in, or the second one that is required of you here. Add another first.
account-bad-name = This name does not work
account-bad-name-text = A name has 1 to 60 characters.
credentials-chosen = Chosen
credentials-no-password = You have no password.
credentials-change-password = Change your password
credentials-choose-password = Choose a password
credentials-password = Your password
passkeys = Passkeys
passkeys-none = A passkey signs you in by your fingerprint, your face or the PIN of your device. You have none.
added = Added
passkey-synchronised = may be copied to your other devices
passkey-one-device = on one device alone
new-name-of = New name of { $name }
rename = Rename
rename-of = Rename { $name }
remove = Remove
remove-of = Remove { $name }
totp = Authenticator apps
totp-none = An app on your phone shows a code that you type after your password. You have none.
codes-left =
    { $number ->
        [one] One of them is left.
       *[other] { $number } of them are left.
    }
codes-made = Made
codes-none = They let you in when your phone is lost. You have none.
codes-new = Make new recovery codes
password-at-least = It has at least { $number } characters, of any kind: several words in a row are easy to keep in mind and hard to guess.
password-at-most = It has at most { $number } characters.
password-blocklist = Passwords that many people use are not taken.
password-ends-others = You are signed out everywhere else.
new-password = New password
new-password-again = The same again
password-change = Change the password and save
password-not-taken = This password is not taken
password-missing = Type the new password, twice.
password-differs = The two are not the same. Type the new password twice.
weak-too-short = Use at least { $number } characters. A few words that do not belong together are easy to remember.
weak-too-long = Use at most { $number } characters.
weak-common = This is one of the passwords that many people use, and that attackers try first. Choose another one.
weak-repetitive = This repeats the same few characters. Choose something harder to guess.
weak-sequential = This follows the order of the alphabet, the digits or the keyboard. Choose something harder to guess.
weak-contextual = This is made of your name, your e-mail address or the name of this service. Choose another one.
weak-breached = This password is known from a theft of data elsewhere, and attackers try such passwords. Choose another one, and change it wherever else you use it.
sessions-lede = These browsers know you at { $realm }.
sessions-idle = One that is not used is signed out by itself after { $span }.
sessions-absolute = Any is signed out after { $span }.
sessions-advice = If there is one that you do not know, sign it out and change your password.
span-minutes =
    { $number ->
        [one] a minute
       *[other] { $number } minutes
    }
span-hours =
    { $number ->
        [one] an hour
       *[other] { $number } hours
    }
span-days =
    { $number ->
        [one] a day
       *[other] { $number } days
    }
session-began = Signed in
from-address = from { $address }
session-used = Last used
session-ends = Ends at the latest
session-used-for = Used for
session-end = Sign out
session-end-of = Sign out { $name }, signed in { $since }
sessions-end-others = Sign out everywhere else
agent-on = { $name } on { $system }
agent-system = A browser on { $system }
agent-unknown = A browser that is not known
devices-lede = These are the browsers that you have signed in with. Revoke one that you do not know, or do not have any more: whoever has it is signed out at once.
devices-none = None is known yet: this one will be the next time that you sign in.
known-device-first = First signed in
known-device-last = Last signed in
known-device-trusted = Your second factor is not asked for until
known-device-name = Name of { $name }
known-device-give = Name
known-device-give-of = Name { $name }
known-device-untrust = End trust
known-device-untrust-of = End trust in { $name }
known-device-revoke = Revoke
known-device-revoke-here = Revoke, and sign out
known-device-revoke-of = Revoke { $name }
known-device-revoke-here-of = Revoke, and sign out: { $name }
trust-device =
    { $number ->
        [one] Do not ask again on this device for a day. Only tick this if nobody else uses it.
       *[other] Do not ask again on this device for { $number } days. Only tick this if nobody else uses it.
    }
profile-wrong = Something is not as it must be
profile-wrong-text = Nothing was changed. Look at what is marked, and try again.
profile-name = Full name
profile-given-name = Given name
profile-family-name = Family name
profile-locale = Preferred language
profile-locale-hint = As a tag, such as en or de-CH
profile-zoneinfo = Time zone
profile-zoneinfo-hint = Such as Europe/Zurich
profile-not-said = Not said
yes = Yes
no = No
save = Save
profile-signs-in = What you sign in with
verified = Verified
profile-no-email = None
fault-taken = Somebody else has this name.
fault-required = This is required here.
fault-locale = This is not a language tag such as de-CH.
fault-zoneinfo = This is not a time zone such as Europe/Zurich.
fault-other = This does not work here.

## Going back to the application

form-post = Going back
form-post-heading = One more step
form-post-lede = You are on your way back to the application.
form-post-lede-to = You are on your way back to <strong>{ $application }</strong>.

## What an application may do

consent = Allow { $application }?
consent-new = You are signed in as <strong>{ $username }</strong>. <strong>{ $application }</strong> wants to:
consent-again = You are signed in as <strong>{ $username }</strong>. <strong>{ $application }</strong> asks you to confirm that it may still:
consent-unvouched = It registered by itself, and nobody at { $realm } vouches for its name. What you allow goes to <strong>{ $destination }</strong>.
consent-known = You allowed before, and it stays so:
consent-allow = Allow
consent-deny = Deny
consent-about = About { $application }
consent-privacy = Its privacy policy
consent-terms = Its terms of service
scope-openid = Know that it is you, by an identifier of { $realm }
scope-profile = See your name, user name, language and time zone
scope-profile-more = See your name, user name, language and time zone, and { $attributes }
scope-email = See your e-mail address, and whether it was verified
scope-phone = See your phone number, and whether it was verified
scope-offline-access = Keep this access while you are not there, until you withdraw it
scope-manage = Manage { $realm } in your name, as far as you may yourself
scope-other = Use “{ $name }” in your name
claim-name = See your full name
claim-given-name = See your given name
claim-family-name = See your family name
claim-preferred-username = See your user name
claim-locale = See your language
claim-zoneinfo = See your time zone
claim-email = See your e-mail address
claim-email-verified = See whether your e-mail address was verified
claim-phone-number = See your phone number
claim-phone-number-verified = See whether your phone number was verified
claim-other = See your “{ $name }”

## Devices that wait for approval

device = Connect a device
device-lede = Enter the code that your device shows.
device-code = Code
device-confirm = Connect { $application }?
device-asks = A device that shows the code <strong>{ $code }</strong> asks to act for <strong>{ $username }</strong>:
device-warning = Go on only if you have just started this yourself, on a device in front of you that shows the same code. If somebody sent you the code, refuse.
device-connect = Connect
device-refuse = Refuse
device-connected-title = Connected
device-connected = { $application } is connected
device-connected-advice = Go back to your device: it goes on by itself in a few seconds. You can close this page.
device-refused-title = Refused
device-refused = { $application } was refused
device-refused-advice = The device gets nothing. You can close this page.
device-nowhere = That code does not work
device-nowhere-advice = Compare it with what your device shows. If it is the same, start anew on the device.
device-too-many-advice = Wait half an hour, then start anew on the device.

## What goes wrong on the way in

did-not-work = That did not work
missing = Something is missing
missing-advice = Fill in what is asked for.
too-many = Too many attempts
busy = We are busy
busy-advice = Nothing is wrong with what you entered. Try again in a few seconds.
stale = This page was out of date
stale-advice = It had been open for too long, or was sent twice. Sign in again.
not-recognised = The user name or the password is not right. Check both and try again.
wrong-code = The code is not right, or was used before. Wait for the next one and try again.
wrong-passkey = This passkey does not sign you in here: it may have been removed, or belong to another account, or your device did not check that it is you. Try another one, or another way.
passkey-unverified = Your device did not check that it is you. Set a PIN, a fingerprint or your face up on it, and try again.
passkey-unaccepted = This kind of passkey is not accepted here. Use another device or security key.
passkey-not-made = The passkey was not set up. It may be registered already. Try again.
unknown-identity = You are not known here
unknown-identity-advice = This account of yours there opens no account here. Use another one, or another way to sign in.
others-identity = This account of yours there belongs to another account here. Use another one.
known-address = There is an account with your address
known-address-advice = Sign in as you did before. Then you can add this way to sign in to your account.
too-many-identities = You have as many of these as there may be. Remove one first.
provider-tells-too-little = It did not tell us all that an account here needs, such as a confirmed e-mail address. Use another way to sign in.
provider-declined = You did not sign in
provider-declined-advice = You came back without signing in there. Try again, or use another way.
provider-failed = What it told us of you cannot be used. Try again, or use another way to sign in.
provider-unavailable = It does not answer as it should just now. Use another way to sign in, or try again later.
wait-seconds =
    { $seconds ->
        [one] Wait a second and try again.
       *[other] Wait { $seconds } seconds and try again.
    }
wait-minutes =
    { $minutes ->
        [one] Wait a minute and try again.
       *[other] Wait { $minutes } minutes and try again.
    }

## Error pages

error-code = Code
error-request = Request
error-developer = For the application’s developer
request = This request cannot be answered
request-message = The application that sent you here asked in a way that is not valid. Go back to it and try again; if that does not help, tell the people who run it.
application = This application is not known here
application-message = The link that you followed names an application that people do not sign in to here, or not any more. Go back to where you came from; if you expected to get in, tell the people who run the application.
way-back = There is no safe way back
way-back-message = The address that you were to be sent to is not one that the application has registered, so you were sent nowhere. If a message or a site that you do not know led you here, close this page; else tell the people who run the application.
not-signed-out = You were not signed out
not-signed-out-message = The application that sent you here asked in a way that is not valid, so nothing has changed: if you were signed in, you still are. Tell the people who run the application.
unreadable = This request cannot be read
unreadable-message = A part of it is missing, is there twice, or is too long. Go back to where you came from and begin again; if that does not help, tell the people who run the application.
stale-message = It had been open for too long, was sent twice, or was opened in another browser. Go back to the application that sent you here and begin again.
unmet = More is needed to sign in here
unmet-message = You have no second way to show who you are that counts here. Ask the people who run this service.
nothing-here = There is nothing here
nothing-here-message = Check the address, or go back to where you came from.
too-many-requests = Too many requests
too-many-requests-message = Too much has come in a short time. Wait a moment, then try again.
unavailable = This does not work just now
unavailable-message = It is not your doing. Try again in a few seconds.
internal = Something went wrong
internal-message = It is not your doing. Try again later; if it stays so, tell the people who run this service.
other-method = This page is not used in this way
other-method-message = Go back to where you came from and begin again.
not-for-you = This is not for you to see
not-for-you-message = Go back to where you came from.

## By letters

forgot-password = Forgot your password?
register = Register
use-email = E-mail me a code
use-sms = Send a code to my phone
wrong-mailed-code = The code is not right, or does not work any more: it is that of the last letter, works for ten minutes and can be tried five times. Check it, or have another one mailed.
wrong-texted-code = The code is not right, or does not work any more: it is that of the last message, works for ten minutes and can be tried five times. Check it, or have another one sent.
email-code-heading = Look into your mailbox
email-code-lede = If { $username } has an account here with an e-mail address that is known to be theirs, a letter is on its way to it. Enter the code in it.
email-code = Code from the letter
email-code-again = Mail me another code
way-email = Letters to your e-mail address
text-code-heading = Look at your phone
text-code-lede = A text message with a code is on its way to your number that ends in { $destination }. Enter the code in it, and give it to nobody.
text-code = Code from the text message
text-code-again = Send another code
way-sms = Text messages to your phone number
void-letter = This link does not work any more
void-letter-message = It may be over, was used before, or another letter has come since: only the last one counts. Go back to where you asked for it, and ask for another.
no-letters = This is not offered here
no-letters-message = This service sends no messages for it. Ask the people who run it.
email-address = E-mail address
back-to-sign-in = Back to sign in
on-to-sign-in = Go on to sign in
too-many-letters = Too many letters
too-many-letters-advice = There is one in half a minute, and five in an hour. Look into your mailbox, also where unwanted letters go, or wait.
unfit = Something is not as it must be
unfit-advice = Enter something else here: { $name }.
unfit-realm = More is asked of an account here than this form asks for. Tell the people who run this service.
recover-lede = Say who you are. A letter with a link to set another password goes to the address that your account has.
recover-button = Mail me a link
recover-sent = If there is an account of that name with an e-mail address, a letter is on its way to it. The link in it works for a quarter of an hour.
recover-nothing = Nothing came? Look where unwanted letters go, check the name, or ask the people who run this service.
register-lede = A letter with a code goes to your address, to show that it is yours.
register-known = You have an account? Sign in
register-sent = A letter is on its way to the address. Enter the code in it, or open its link.
register-again = Another address, or another letter
register-details = Your account will have the address { $account }.
registered = You are registered
registered-text = Sign in with your address and your password.
unfit-address = This address cannot be used
unfit-address-advice = It is no e-mail address, or not of a kind that may register here.
unfit-password = Choose another password
set-password = Set another password
set-password-lede = It will be the password of the account { $account }. Whatever sessions there are end.
set-password-button = Set the password
password-set = Your password is set
password-set-text = Sign in with it from now on.
invited = Welcome
invited-lede = Set a password for your account { $account }.
email-mine = This is my address
email-question = Is this your address?
email-question-lede = Say that the address that the letter came to is that of the account { $account }.
email-new-lede = The account { $account } is to have the address that the letter came to.
email-change-question = Change the address?
email-before-lede = The account { $account } is to have another e-mail address in place of the one that the letter came to.
email-confirmed = Your address is confirmed
email-confirmed-text = It is known to be yours from now on.
email-changed = Your address was changed
email-changed-text = You sign in with it from now on.
email-half = Thank you
email-half-text = The other address got a letter, too. When it has said so as well, the address is changed.
account-phone = Phone number
phone-yours = Your number is { $destination }.
phone-unverified-text = It is not known yet whether it is yours. A code that is sent to it shows that.
done-text = A message is on its way to you
done-text-text = Enter the code in it.
done-phone = Your number is confirmed
done-phone-text = It is known to be yours from now on.
account-too-many-texts = Too many messages
account-too-many-texts-text = There is one in half a minute, and five in an hour. Wait before you have another sent.
phone-none = Your account has no phone number.
phone-code = Code from the message
phone-mine = This is my number
phone-code-send = Send me a code
phone-code-again = Send me another code
phone-another = Another number
phone-new = New phone number, with that of the country (+41 …)
phone-another-send = Take this number
account-no-other-number = This is no other number
account-no-other-number-text = Enter another phone number than the one that you have, with that of the country: +41 79 123 45 67, say.
letter-here = Go on where you began.
letter-code = Your code
letter-elsewhere = You began to sign in in another browser. Enter this code there; this browser is not signed in.
letter-not-begun = If you did not begin to sign in, close this page, and give the code to nobody.

## The letters themselves

duration-minutes =
    { $number ->
        [one] a minute
       *[other] { $number } minutes
    }
duration-hours =
    { $number ->
        [one] an hour
       *[other] { $number } hours
    }
duration-days =
    { $number ->
        [one] a day
       *[other] { $number } days
    }
letter-was-me = If this was you, there is nothing to do.
letter-was-not-me = If it was not, somebody may have got into your account: change your password and tell the people who run { $realm }.
letter-not-asked = If you did not ask for this, there is nothing to do. Give the code and the link to nobody, whoever asks for them.
letter-taken = You have an account at { $realm }
letter-taken-text = Somebody, perhaps you, wanted to use this address for an account at { $realm }. It has one already: sign in with it.
letter-taken-else = If you have forgotten your password, have another one set from the sign-in page. If it was not you, there is nothing to do.
letter-password-changed = Your password at { $realm } was changed
letter-password-changed-text = The password of the account { $account } at { $realm } was changed on { $when }. All sessions that began before have ended.
letter-email-changed = Your e-mail address at { $realm } was changed
letter-email-changed-text = The account { $account } at { $realm } has had another e-mail address since { $when }. This address is no longer used for it.
letter-totp-added = An authenticator app was added at { $realm }
letter-totp-added-text = An authenticator app was added to the account { $account } at { $realm } on { $when }.
letter-totp-removed = An authenticator app was removed at { $realm }
letter-totp-removed-text = An authenticator app was removed from the account { $account } at { $realm } on { $when }.
letter-passkey-added = A passkey was added at { $realm }
letter-passkey-added-text = A passkey was added to the account { $account } at { $realm } on { $when }.
letter-passkey-removed = A passkey was removed at { $realm }
letter-passkey-removed-text = A passkey was removed from the account { $account } at { $realm } on { $when }.
letter-recovery-codes-made = New recovery codes at { $realm }
letter-recovery-codes-made-text = Recovery codes were made for the account { $account } at { $realm } on { $when }. Any that there were before no longer work.
letter-recovery-codes-removed = Your recovery codes at { $realm } were removed
letter-recovery-codes-removed-text = The recovery codes of the account { $account } at { $realm } were removed on { $when }.
letter-email-verification = Is this your e-mail address? { $realm }
letter-email-verification-text = Show that this is the e-mail address of the account { $account } at { $realm }: enter this code where you were asked for it, or open the link. Both work for { $duration }.
letter-email-change = Your new e-mail address at { $realm }
letter-email-change-text = The account { $account } at { $realm } is to have this e-mail address. Show that it is yours: enter this code where you were asked for it, or open the link. Both work for { $duration }.
letter-email-change-before = Another e-mail address for your account at { $realm }?
letter-email-change-before-text = Somebody who is signed in to the account { $account } at { $realm } wants it to have another e-mail address in place of this one. If that is you, enter this code where you were asked for it, or open the link. Both work for { $duration }.
letter-email-change-before-else = If it is not you, do nothing, and change your password: nothing is changed without you.
letter-sign-in = Your code for { $realm }
letter-sign-in-text = Enter this code to sign in to { $realm }. It works for { $duration }, in the window in which you asked for it.
letter-password-recovery = Set another password at { $realm }
letter-password-recovery-text = Open the link to set another password for the account { $account } at { $realm }. It works once, within { $duration }.
letter-password-recovery-button = Set a password
letter-registration = Your registration at { $realm }
letter-registration-text = To register at { $realm } with this e-mail address, enter this code where you were asked for it, or open the link. Both work for { $duration }.
letter-invitation = You are invited to { $realm }
letter-invitation-text = There is an account for you at { $realm }: { $account }. Open the link to set a password for it. It works once, within { $duration }.
letter-invitation-button = Accept
letter-phone-changed = Your phone number at { $realm } was changed
letter-phone-changed-text = The account { $account } at { $realm } has had another phone number since { $when }, or none.
letter-device-added = A new device signed in at { $realm }
letter-device-added-text = Somebody signed in to the account { $account } at { $realm } on { $when }, on a device that was not known: { $what }.
letter-identity-linked = { $what } can now sign you in at { $realm }
letter-identity-linked-text = An account at { $what } became a way to sign in to the account { $account } at { $realm } on { $when }.
letter-identity-unlinked = { $what } signs you in at { $realm } no more
letter-identity-unlinked-text = The account at { $what } is no way to sign in to the account { $account } at { $realm } any more since { $when }.
text-phone-verification = { $code } is your code for { $realm }. Good for { $duration }.
text-sign-in = { $code } is your code to sign in at { $realm }. Good for { $duration }.
