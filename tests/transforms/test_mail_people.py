"""What people write themselves, in nine languages: words of bounces and absences in it make neither of them."""

from datetime import date

import pytest

from transforms.mail.reading import Reading, read_message, read_text

FROM_TOM = "From: Tom Becker <tom.becker@halden.example>\nTo: dana@vendor.example"
QUOTED = "\n\nBest regards\nTom Becker\nHead of Operations\n\nOn Tue, 3 Nov 2026, Dana wrote:\n> Undeliverable: I have left the company and am out of office until 3 May"

SENTENCES = [
    "Did they leave the company?",
    "Not just because they left the company?",
    "I'm at the office!",
    "I'm at the office today if you want to call.",
    "Hi Dana, our mailbox was full last week, could you resend the contract?",
    "Hi Dana, I got a bounce saying user unknown when I wrote to Kim. Do you have her new address?",
    "The support thread says: 550 5.1.1 user unknown. We fixed the DNS record on our side.",
    "My mailbox is full again, sorry for the delay. The order is fine.",
    'We see "Delivery Status Notification (Failure)" in the log for three customers, can you check?',
    "I was out of office last week, so only saw this now. Looks good.",
    "I'll be out of the office on Thursday, can we move the call to Friday?",
    "When I get back from vacation we should talk about the renewal.",
    "Our out of office template needs an update, can you send the text?",
    "Tom has left the company, but I am taking over. Could we talk?",
    "Maria has left the team, I will keep working on this with you.",
    "Hi Dana, Maria has left the company last month. I'm copying Julia who now runs procurement.",
    "Have you heard that Ben left Acme?",
    "If I leave the company I'll let you know, ha.",
    "I left a message with your assistant.",
    "I have left comments in the document.",
    "I left the meeting early, what was decided?",
    "We are leaving the trial for now.",
    "The old plan is no longer part of our offer?",
    "The feature no longer works on my phone.",
    "This version is no longer supported, right?",
    "Thank you for your message. I will look at it tomorrow.",
    "Thanks for your email. Yes, Thursday works.",
    "Thank you for your email, we received the invoice and will pay on Friday.",
    "We have received your invoice and forwarded it to accounting.",
    "Please contact Julia for the contract, she has the numbers.",
    "Please contact me if something is missing.",
    "For urgent matters call me on my mobile.",
    "Do not reply to this thread, use the ticket instead.",
    "I am on the train, will write more later.",
    "I am currently working on the report and will send it on Monday.",
    "My last day of vacation is Friday, let's talk on Monday.",
    "Today is my last day before the holidays, so let's close this now.",
    "Just got back from parental leave. Can you bring me up to date?",
    "She is on maternity leave until May, I am covering for her.",
    "Kim is out of office this week; I can sign in her place.",
    "Is Tom still with the company? My mail came back.",
    "My new role starts in May, until then please keep me in the loop.",
    "We moved to a new office. The new address is Main Street 5.",
    "You can reach me at my mobile as usual.",
    "Could you confirm that you are human? Just kidding.",
    "Click the link in the portal to verify your email address, that is what I did.",
    "I unsubscribed from the newsletter, please remove me from the list.",
    "The delivery failed because the truck broke down. We'll deliver the pallets on Tuesday.",
    "The delivery of the goods has been delayed until Friday.",
    "Undeliverable parcels are returned to sender, says the carrier.",
    "Host not found? Try the new URL.",
    "Our domain does not exist any more, we use the new one, see below.",
    "Your account is disabled? I can still log in.",
    "The account was suspended by mistake; can you enable it?",
    "We exceeded the quota on the API, can you raise it?",
    "Permission denied when I open the file.",
    "Your mail was in the spam folder, sorry.",
    "Is the virus scanner blocking our mails?",
    "Hallo Dana, mein Postfach war voll, bitte schicken Sie das Angebot noch einmal.",
    "Hallo Dana, ich war letzte Woche im Urlaub und lese es erst jetzt. Passt so.",
    "Ich bin am Freitag nicht im Büro, können wir auf Montag gehen?",
    "Ich bin heute im Büro, rufen Sie gern an.",
    "Hat Herr Becker das Unternehmen verlassen?",
    "Herr Becker hat uns leider verlassen, ich bin jetzt Ihr Ansprechpartner. Wann passt Ihnen ein Termin?",
    "Liebe Dana, Frau Weber ist in Elternzeit, ich vertrete sie.",
    "Darauf haben wir uns verlassen.",
    "Ich habe das Büro schon verlassen, wir sprechen morgen.",
    "Wenn ich in Rente bin, melde ich mich.",
    "Die Zustellung ist fehlgeschlagen, das Paket kommt morgen.",
    "Der Benutzer ist unbekannt, steht in der Fehlermeldung. Können Sie helfen?",
    "Bitte wenden Sie sich an Frau Kern, sie hat die Unterlagen.",
    "Vielen Dank für Ihre Nachricht. Ich schaue es mir morgen an.",
    "Wir haben Ihre Rechnung erhalten und zahlen am Freitag.",
    "Schönen Urlaub und bis bald!",
    "Bin ab Montag wieder da, dann gern telefonieren.",
    "Wir wechseln den Anbieter nicht, wir sind zufrieden.",
    "Das Modell ist nicht mehr verfügbar, oder?",
    "Ich bin nicht mehr sicher, ob das stimmt.",
    "Mein letzter Urlaubstag ist morgen.",
    "Wer ist Ihr Nachfolger?",
    "Bonjour Dana, ma boîte était pleine, pouvez-vous renvoyer le devis ?",
    "Je suis au bureau demain, appelez-moi.",
    "Je serai absent vendredi, pouvons-nous décaler à lundi ?",
    "J'étais en congé la semaine dernière, je réponds seulement maintenant.",
    "Est-ce que Pierre a quitté la société ?",
    "Pierre a quitté la réunion avant la fin.",
    "Bonjour Dana, Claire est en congé maternité, je la remplace.",
    "Merci pour votre message, je regarde cela demain.",
    "Nous avons bien reçu votre facture, elle sera payée vendredi.",
    "Le colis n'a pas pu être livré hier.",
    "N'hésitez pas à contacter Julie pour le contrat.",
    "C'est mon dernier jour avant les vacances, faisons vite.",
    "Bonnes vacances !",
    "Hola Dana, mi buzón estaba lleno, ¿puede reenviar la oferta?",
    "Estoy en la oficina mañana.",
    "¿Ana ya no trabaja ahí?",
    "El viernes estaré fuera de la oficina, ¿lo dejamos para el lunes?",
    "Estuve de vacaciones la semana pasada, perdón por la demora.",
    "Gracias por su mensaje, lo reviso mañana.",
    "Hemos recibido la factura, pagamos el viernes.",
    "El envío no se pudo entregar ayer.",
    "Por favor contacte con Luis para el contrato.",
    "Dejo el contrato en tu mesa.",
    "He dejado un comentario en el documento.",
    "Ciao Dana, la mia casella era piena, puoi rimandare l'offerta?",
    "Sono in ufficio domani.",
    "Marco ha lasciato l'azienda?",
    "Venerdì sono fuori ufficio, facciamo lunedì?",
    "Ero in ferie la settimana scorsa, leggo solo ora.",
    "Grazie per il messaggio, lo guardo domani.",
    "Ho lasciato un commento nel documento.",
    "Abbiamo ricevuto la fattura, paghiamo venerdì.",
    "Si prega di contattare Luca per il contratto.",
    "La consegna non è stata possibile ieri.",
    "Hoi Dana, mijn mailbox was vol, kun je de offerte nog eens sturen?",
    "Ik ben morgen op kantoor.",
    "Is Piet uit dienst?",
    "Vrijdag ben ik er niet, kan het maandag?",
    "Ik was vorige week met vakantie, ik lees het nu pas.",
    "Bedankt voor je bericht, ik kijk er morgen naar.",
    "Ik heb een bericht achtergelaten.",
    "We hebben de factuur ontvangen en betalen vrijdag.",
    "Neem contact op met Els voor het contract.",
    "Het pakket kon niet worden bezorgd.",
    "Olá Dana, a minha caixa estava cheia, pode reenviar a proposta?",
    "Estou no escritório amanhã.",
    "O João saiu da empresa?",
    "Na sexta estarei fora do escritório, pode ser segunda?",
    "Estive de férias na semana passada, só vi agora.",
    "Obrigado pela mensagem, vejo amanhã.",
    "Deixei um comentário no documento.",
    "Recebemos a fatura e pagamos na sexta.",
    "Favor contatar a Maria sobre o contrato.",
    "A entrega não foi possível ontem.",
    "お世話になっております。先日はありがとうございました。来週の打ち合わせは火曜日でお願いします。",
    "明日は会社におります。",
    "田中さんは退職されたのでしょうか？",
    "来週金曜日は休暇をいただきますので、月曜日に変更できますか？",
    "先週は夏季休暇をいただいておりました。返信が遅くなり申し訳ありません。",
    "メールボックスがいっぱいでした。もう一度送っていただけますか。",
    "請求書を拝受しました。金曜日に支払います。",
    "鈴木までご連絡ください。契約書は彼が持っています。",
    "その資料はまだ存在しません。",
    "您好，我的邮箱满了，能再发一次报价吗？",
    "我今天在公司。",
    "李明是不是离职了？",
    "周五我休假，可以改到周一吗？",
    "上周我在出差，现在才看到，抱歉。",
    "谢谢您的来信，我明天看。",
    "发票已收到，周五付款。",
    "合同的事请联系王芳。",
    "包裹昨天无法投递。",
    "The guy who wrote the script retired in 2019. Do you know who maintains it?",
    "Our CFO is retiring next spring; renewal must be signed before.",
    "John no longer works on this project, so please send it to me.",
    "I am no longer using the mobile app, only the web.",
    "I am no longer sure about the date.",
    "I'm no longer responsible for your bad jokes!",
    "Your order number is 1234, ticket number follows.",
    "Hi Dana, your request has been received by our legal team, they will answer within two weeks. Regards, Tom",
    "We will get back to you as soon as possible with the numbers. Best, Tom",
    "I forwarded your message to Julia.",
    "Your message has been forwarded to Julia, she will call you.",
    "I check my email in the evening, so text me if it is urgent.",
    "No need to resend, found it.",
    "Sorry, the connection timed out when I tried to join the call. Can you send a new link?",
    "We are closed on Monday, it is a holiday. Shall we say Tuesday at ten?",
    "Sent from the airport. I am travelling until Friday but can talk on Thursday at 3.",
]  # fmt: skip


def read(text: str, subject: str) -> Reading:
    """The reading of a mail of 1 July 2026 from Tom."""
    found = read_text(subject, text, FROM_TOM, "inbound", "", at=date(2026, 7, 1))
    assert found is not None
    return found


@pytest.mark.parametrize("text", SENTENCES)
def test_a_person_is_read_as_a_person(text: str) -> None:
    """Alone, as an answer, or between greeting, signature and quote: a person's sentence is theirs, and says nothing of their leaving."""
    readings = [read(text, "Re: Your renewal"), read(text, "Your renewal"), read(f"Hi Dana,\n\n{text}{QUOTED}", "Re: Your renewal")]
    assert [(reading.kind, reading.reason) for reading in readings] == [("human", "")] * 3


def one(raw: str) -> Reading:
    """The only reading of a mail."""
    (reading,) = read_message(raw.encode())
    return reading


REPORT = (
    "Content-Type: multipart/report; report-type=delivery-status; boundary=i\n\n"
    "--i\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n"
    "--i\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; kim@halden.example\nAction: failed\n"
    "Status: 5.1.1\n\n--i--\n"
)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Fwd: Undeliverable: offer", "FYI, it bounced again.\n\n-----Original Message-----\nFrom: postmaster\n\n550 5.1.1 User unknown"),
        ("Re: Mail delivery failed: returning message to sender", "Hi Dana, we see 550 5.1.1 for kim@halden.example, is it mistyped?"),
        ("Mail delivery failed", "Hello Dana, I get 'mail delivery failed' for kim@halden.example, 550 5.1.1 user unknown. Can you help?"),
        ("mailbox full", "Hi Dana, my mailbox is full, please use kim@halden.example for the files."),
        ("AW: Automatische Antwort: Angebot", "Hallo Dana, Herr Roth ist ja bis 3. August im Urlaub. Wer vertritt ihn?"),
        ("RE: Out of Office: offer", "Thanks Dana, I saw Kim is away. Let us wait until she returns on 3 August."),
        ("Automatic reply setup", "Hi Dana, how do I set an automatic reply that says I am out of the office until Monday?"),
    ],
)
def test_who_writes_about_a_report_is_a_person(subject: str, body: str) -> None:
    """A forwarded bounce, a question about one, an answer to an out-of-office: people wrote them."""
    assert one(f"{FROM_TOM}\nSubject: {subject}\n\n{body}\n").kind == "human"


def test_a_report_that_a_person_passes_on_as_an_attachment_is_a_persons_mail() -> None:
    """A bounce attached to a mail with words of its own; without such words it is read as the bounce that it is."""
    mail = f"{FROM_TOM}\nSubject: see attached\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\n{{text}}\n--o\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@mx\nTo: tom.becker@halden.example\n{REPORT}\n--o--\n"
    assert one(mail.format(text="Hi Dana, this is what I got when I wrote to Kim.").replace(REPORT, REPORT)).kind == "human"
    assert one(f"From: MAILER-DAEMON@mx\nSubject: failure\n{REPORT}").kind == "bounce"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"{FROM_TOM}\nSubject: Accepted: Review\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nSUMMARY:I am out of the office", ("human", "", "text/calendar")),
        ("From: staff@isp.example\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nspam 550 5.1.1 user unknown\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: kim@halden.example\n\n--b--\n", ("auto_reply", "other", "feedback-report")),
        (f"{FROM_TOM}\nSubject: Read: offer\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nYour message was read.\n--b--\n", ("auto_reply", "other", "disposition-notification")),
        (f"{FROM_TOM}\nSubject: News of July\nList-Unsubscribe: <mailto:x@halden.example>\nPrecedence: bulk\n\nOur undeliverable offers: mailbox full of news!\n", ("human", "", "sent to many")),
        ("", ("human", "", "an empty file")),
        (f"{FROM_TOM}\nSubject: scan\n\n" + "\x00\x01\x02\x03" * 200, ("human", "", "no readable text")),
    ],
)  # fmt: skip
def test_other_mail_of_machines_is_neither(raw: str, expected: tuple[str, str, str]) -> None:
    """Invitations are people's; complaints and receipts are machines' but no bounces; newsletters and unreadable mail are believed less."""
    reading = one(raw)
    assert expected == (reading.kind, reading.reason, reading.evidence)
    assert reading.kind == "auto_reply" or reading.confidence < 0.9


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Delivery failed: parcel 88", "Your parcel could not be delivered. Reason: recipient unknown at this address."),
        ("Undeliverable contract pages", "Pages 3 and 4 were returned to sender. Address unknown, they said."),
        ("Mailbox full?", "Dana, is our shared mailbox full? People say they get errors 552 when sending."),
    ],
)
@pytest.mark.parametrize("header", ["Return-Path: <>", "Auto-Submitted: no", "Precedence: bulk"])
def test_a_parcel_that_came_back_is_no_bounce(subject: str, body: str, header: str) -> None:
    """A title and words of a failed delivery are not enough: a server's report has a code, or the address that failed."""
    raw = f"From: Tom Becker <tom@halden.example>\nTo: dana@vendor.example\nSubject: {subject}\n{header}\n\n{body}\n"
    assert read_message(raw.encode())[0].kind == "human"
