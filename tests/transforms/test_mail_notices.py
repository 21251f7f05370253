"""Automatic replies as people set them up, in nine languages; of whom they speak, and what a person's own words say."""

from datetime import date

import pytest

from transforms.mail.checkins import is_checkin
from transforms.mail.reading import Reading, read_text

FROM_TOM = "From: Tom Becker <tom.becker@halden.example>\nTo: dana@vendor.example"
FROM_AN_OFFICE = "From: info@halden.example\nTo: dana@vendor.example"
BY_A_MACHINE = f"{FROM_TOM}\nAuto-Submitted: auto-replied"

NOTICES: dict[str, list[str]] = {
    "left": [
        "Hello,\n\nThank you for your email. I no longer work for Acme Corp. Please direct all future correspondence to Jane Miller at jane.miller@acme.example.\n\nRegards",
        "I have now left Acme. For anything related to sales please email sales@acme.example.",
        "John Smith is no longer employed with our company. Please send your inquiries to info@acme.example.",
        "Please be advised that Mary Jones has left the organisation. This mailbox is not monitored.",
        "As of June 30th, I am no longer with Contoso. Please contact my manager Bob Lee (bob@contoso.example).",
        "Susan retired on December 31, 2025. Please contact Peter Hall for assistance.",
        "Thank you for contacting me. My last day at Initech was Friday, May 3rd. Please reach out to Bill for help.",
        "Mark's employment with the firm has ended. Your email will be forwarded to his supervisor.",
        "I've moved on from Globex and am no longer checking this mailbox.",
        "Kevin does not work here anymore. Please remove him from your list.",
        "Please note I have resigned from my position at the University effective 1 August. Kindly contact the department office.",
        "Effective immediately, I am no longer an employee of Hooli.",
        "This email account is no longer active as Paul has left the business.",
        "Jim Brown has moved on to a new opportunity outside of Acme. Please contact Sara Green.",
        "I am no longer at this company. Please use my personal email john@home.example",
        "The person you are trying to reach is no longer with the company.",
        "You have reached the mailbox of a former employee. Please contact info@acme.example",
        "Hi, I have finished my contract with the City Council and will not be reading this inbox.",
        "Anna is no longer at Foo Ltd. If you need assistance contact support@foo.example",
        "Dr. Miller has taken retirement and this mailbox is unattended.",
        "I will be leaving Acme on the 5th of May and will no longer have access to this mailbox. Please contact Ann Lee.",
        "Sehr geehrte Damen und Herren,\n\nFrau Müller ist nicht mehr in unserem Hause tätig. Bitte wenden Sie sich an Herrn Schmidt (schmidt@firma.example).\n\nMit freundlichen Grüßen",
        "Ich bin seit dem 1. Juli nicht mehr bei der Firma XY. Ihre Mail wird nicht weitergeleitet.",
        "Herr Meier hat unser Unternehmen verlassen. Seine Nachfolgerin ist Frau Weber, weber@firma.example.",
        "Vielen Dank für Ihre E-Mail. Ich arbeite nicht mehr für die Stadt Köln.",
        "Guten Tag, ich bin zum 30.06.2015 aus dem Unternehmen ausgeschieden. Bitte kontaktieren Sie info@firma.example.",
        "Herr Schulz befindet sich im Ruhestand. Ihr neuer Ansprechpartner ist Frau Klein.",
        "Der von Ihnen gewünschte Ansprechpartner ist nicht mehr bei uns beschäftigt.",
        "Diese E-Mail-Adresse ist nicht mehr gültig. Frau Huber ist nicht mehr Mitarbeiterin unseres Hauses.",
        "Meine Tätigkeit bei der ABC GmbH endete am 31.12. Bitte wenden Sie sich künftig an Herrn Lang.",
        "Ich habe die Firma verlassen und lese diese Mails nicht mehr.",
        "Frau Dr. Vogel hat die Universität verlassen.",
        "Herr Bauer arbeitet nicht mehr bei uns. Ihre Nachricht wurde nicht weitergeleitet.",
        "Ich stehe der Firma ab dem 01.10. nicht mehr zur Verfügung. Mein Nachfolger ist Herr Roth.",
        "Bonjour,\n\nJe ne fais plus partie des effectifs de la société. Merci de contacter Mme Durand : durand@soc.example\n\nCordialement",
        "M. Dupont a quitté l'entreprise. Pour toute demande, veuillez vous adresser à contact@soc.example.",
        "J'ai quitté mes fonctions au sein de la mairie le 30 juin. Votre message ne sera pas lu.",
        "Madame Petit est partie en retraite. Merci de vous adresser à son successeur, M. Roux.",
        "Je suis désormais à la retraite.",
        "Je ne suis plus en poste à la direction régionale depuis le 1er septembre.",
        "Le gendarme Martin a été muté. Veuillez contacter la brigade.",
        "Ayant quitté la société, je ne peux plus traiter votre demande.",
        "Monsieur Leroy ne travaille plus dans notre établissement.",
        "Cette personne n'est plus en charge du dossier et a quitté le service.",
        "Je ne travaille plus à l'université. Contactez le secrétariat.",
        "Le informamos que Juan Pérez ya no trabaja en esta empresa. Por favor contacte con Ana López.",
        "Ya no formo parte de la compañía. Para cualquier consulta escriba a info@emp.example",
        "He dejado de trabajar en Acme. Gracias.",
        "La Sra. Gómez se ha jubilado.",
        "María ya no pertenece a la organización.",
        "A partir del 1 de mayo dejo de prestar mis servicios en la empresa.",
        "Pedro Ruiz ha causado baja en la empresa.",
        "Il sig. Rossi non lavora più presso la nostra azienda. Si prega di contattare la dott.ssa Bianchi.",
        "Non faccio più parte di Acme Srl. Contattate info@acme.example",
        "Ho lasciato l'azienda in data 31 marzo.",
        "La dott.ssa Verdi è andata in pensione.",
        "Dal 1 giugno non sarò più dipendente della società.",
        "Ik ben niet meer werkzaam bij Acme BV. Neem contact op met mijn collega Jan de Vries.",
        "Piet Jansen is uit dienst. Uw bericht wordt niet doorgestuurd.",
        "De heer Bakker werkt niet meer bij ons.",
        "Per 1 mei heb ik Acme verlaten.",
        "Mevrouw Visser is met pensioen.",
        "Informo que não trabalho mais na Acme. Por favor, contate joao@acme.example",
        "O João já não se encontra a trabalhar na empresa.",
        "Desliguei-me da empresa em 30/06. Favor contatar Maria.",
        "O colaborador não faz mais parte do nosso quadro de funcionários.",
        "お世話になっております。山田は3月末日をもって退職いたしました。今後のご連絡は鈴木（suzuki@kaisha.example）までお願いいたします。",
        "私、佐藤は2015年6月30日付で退職しました。",
        "このメールアドレスの担当者は退職しております。",
        "誠に勝手ながら、田中は弊社を退職いたしましたので、後任の高橋よりご連絡いたします。",
        "当該社員は既に退社しております。",
        "您好，李明已于2015年6月离职，后续事宜请联系王芳。",
        "我已从公司离职，工作由张三负责。",
        "該員工已離職，請聯絡客服部。",
        "本人已经离开公司，此邮箱不再使用。",
    ],
    "absent": [
        "I am currently away on vacation, returning Monday June 8. For urgent matters contact Jane.",
        "I'm out of the office with no access to email. I will respond when I return on 7/15.",
        "Thanks for your mail. I'm OOO until Wednesday.",
        "I will be out on maternity leave from May 1 through October 1. Please contact my colleague.",
        "I'm attending a conference this week and will have limited access to e-mail.",
        "I am traveling this week with limited email access.",
        "Vielen Dank für Ihre Nachricht. Ich bin bis einschließlich 05.06.2015 nicht im Büro. In dringenden Fällen wenden Sie sich bitte an Frau Meier. Ihre E-Mail wird nicht weitergeleitet.",
        "Ich bin ab dem 22.07. wieder erreichbar.",
        "Ich befinde mich derzeit im Urlaub und kehre am 3. August zurück.",
        "Je suis absente jusqu'au 30/09/2013. En cas d'urgence, contactez Paul.",
        "Je suis actuellement en congés et serai de retour le lundi 24 août.",
        "J'ai quitté le bureau pour mes congés annuels, je serai de retour le 3 septembre.",
        "Estaré fuera de la oficina hasta el 3 de mayo. Para temas urgentes, contactar a Luis.",
        "Sono fuori ufficio fino al 24 agosto.",
        "Ik ben afwezig tot en met 3 augustus. Voor dringende zaken kunt u contact opnemen met Els.",
        "Estou de férias até 15/08.",
        "夏季休暇のため、8月10日から16日までお休みをいただいております。",
        "我正在休假，8月10日返回办公室。",
        "I am out of the office today and will return tomorrow.",
        "I'm on annual leave. I'll be back on the 3rd of May.",
        "Our offices are closed for the holidays until January 3.",
        "I have left the office for the day and will be back tomorrow morning.",
        "I am on sabbatical until September. Please contact Tom, who has taken over my duties during my absence.",
    ],
    "role_change": [
        "I have taken on a new role within Acme. For account questions please contact Sam Fox, your new account manager.",
        "I am no longer the contact for purchasing. Please contact Eva.",
        "Ich bin nicht mehr für den Bereich Einkauf zuständig. Ihr neuer Ansprechpartner ist Herr Jung.",
        "Je ne suis plus votre interlocuteur, j'ai changé de service.",
        "4月1日付で人事異動により大阪支店へ転勤となりました。後任は伊藤です。",
    ],
    "acknowledgement": [
        "Thank you, I received your mail.",
        "Your message has been received and will be answered within 2 business days.",
        "We have received your request. Ticket number 1234.",
        "Ihre Anfrage ist bei uns eingegangen. Wir werden uns schnellstmöglich mit Ihnen in Verbindung setzen.",
        "Nous avons bien reçu votre message et nous vous répondrons dans les meilleurs délais.",
        "I check email twice a day at 9 and 4.",
        "お問い合わせありがとうございます。内容を確認の上、担当者よりご連絡いたします。",
    ],
    "challenge": [
        "This message is to verify that you are a real person. Please click the link below to have your email delivered: http://x.example",
        "I'm protecting myself from receiving junk mail. Please click the link below to complete the verification process. You have to do this only once.",
    ],
}  # fmt: skip


def read(text: str, headers: str, subject: str = "Your renewal") -> Reading:
    """The reading of a mail of 1 July 2026."""
    found = read_text(subject, text, headers, "inbound", "", at=date(2026, 7, 1))
    assert found is not None
    return found


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in NOTICES.items() for text in texts])
def test_a_notice_with_a_header_is_read(reason: str, text: str) -> None:
    """Where a header says that a machine answered, the words say why, in whatever language."""
    reading = read(text, BY_A_MACHINE, "Automatic reply: Your renewal")
    assert ("auto_reply", reason) == (reading.kind, reading.reason)


@pytest.mark.parametrize("text", [text for text in NOTICES["left"] if not text.startswith(("Ich stehe", "Per 1 mei"))])
def test_a_departure_is_seen_without_any_header(text: str) -> None:
    """Some departure notices carry no header and our own title: the departure is told all the same, as a notice or as a person's own word."""
    assert read(text, FROM_AN_OFFICE).reason == "left"


@pytest.mark.parametrize(
    ("text", "sender", "expected"),
    [
        ("Tom Becker has left the company. Please contact Julia Kern.", "Tom Becker <tom.becker@halden.example>", ("auto_reply", "left")),
        ("Hi Dana, Tom has left the company and I took over. When can we talk?", "Julia Kern <julia@halden.example>", ("human", "")),
        ("Maria is no longer with us, so her ticket can be closed.", "Tom Becker <tom.becker@halden.example>", ("human", "")),
        ("Frau Weber hat das Unternehmen verlassen, ich mache das jetzt.", "Tom Becker <tom.becker@halden.example>", ("human", "")),
        (
            "Frau Weber hat das Unternehmen verlassen. Bitte wenden Sie sich an Herrn Roth.",
            "Eva Weber <weber@halden.example>",
            ("auto_reply", "left"),
        ),
        ("The person you are trying to reach is no longer with the company.", "x91 <x91@halden.example>", ("auto_reply", "left")),
    ],
)
def test_a_departure_speaks_of_somebody(text: str, sender: str, expected: tuple[str, str]) -> None:
    """Told from their own mailbox it is a notice; a colleague who tells it is a person, and nothing is said of that colleague's job."""
    reading = read(text, f"From: {sender}\nTo: dana@vendor.example", "Re: Your renewal")
    assert expected == (reading.kind, reading.reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hi Dana, today is my last day at Halden, it was a pleasure. Julia will take over. Best, Tom", "left"),
        ("Hi Dana, I have moved to a new role in logistics, Julia looks after purchasing now. Best, Tom", "role_change"),
        ("Hallo Dana, heute ist mein letzter Arbeitstag bei Halden. Alles Gute!", "left"),
        ("Bonjour Dana, je quitte l'entreprise à la fin du mois. Bonne continuation !", "left"),
        ("Hola Dana, hoy es mi último día en Halden. ¡Gracias por todo!", "left"),
        ("Ciao Dana, oggi è il mio ultimo giorno in Halden. Grazie di tutto!", "left"),
        ("Hoi Dana, vandaag is mijn laatste werkdag bij Halden. Bedankt voor alles!", "left"),
        ("Olá Dana, hoje é meu último dia na Halden. Obrigado por tudo!", "left"),
        ("ダナ様、私事ですが今月末で退職することになりました。大変お世話になりました。", "left"),
        ("您好，今天是我在公司的最后一天，感谢您的支持。", "left"),
    ],
)
def test_a_person_who_says_goodbye_is_a_person_who_left(text: str, reason: str) -> None:
    """A human's own sentence counts as evidence, and stays a human's."""
    reading = read(text, FROM_TOM, "Goodbye")
    assert ("human", reason) == (reading.kind, reading.reason)


def test_days_that_clash_lower_the_confidence() -> None:
    """A notice whose last day lies before its first is believed less, and its first day not at all."""
    clear = read("I am out of the office from 3 August to 14 August.", BY_A_MACHINE)
    clash = read("I am out of the office from 14 August to 3 August.", BY_A_MACHINE)
    assert (clash.absent_from, clash.absent_until) == (None, date(2026, 8, 3))
    assert clash.confidence <= 0.6 < clear.confidence


@pytest.mark.parametrize(
    ("text", "successor"),
    [
        ("I no longer work here. For invoices write to billing@halden.example. My successor is Jane Miller (jane@halden.example).", "jane@halden.example"),
        ("Tom has left the company. Please contact julia@halden.example. Privacy: dpo@halden.example", "julia@halden.example"),
        ("Herr Meier hat das Unternehmen verlassen. Technik: support@halden.example. Nachfolgerin ist Frau Weber, weber@halden.example.", "weber@halden.example"),
        ("Tom Becker has left Halden. Please contact Julia Kern.", "Julia Kern"),
        ("Madame Petit est partie en retraite. Merci de vous adresser à son successeur, M. Paul Roux.", "Paul Roux"),
        ("Herr Schulz befindet sich im Ruhestand. Ihr neuer Ansprechpartner ist Frau Klein.", "Frau Klein"),
        ("Ik ben niet meer werkzaam bij Halden. Neem contact op met mijn collega Jan de Vries.", "Jan de Vries"),
        ("田中は退職いたしました。後任は佐藤です。", "佐藤"),
        ("李明已离职，后续事宜请联系王芳。", "王芳"),
    ],
)  # fmt: skip
def test_who_follows_is_the_one_who_is_told_as_such(text: str, successor: str) -> None:
    """Of several addresses the one behind the words of a succession; a mailbox of an office last; without an address the name."""
    assert successor == read(text, BY_A_MACHINE, "Automatic reply").successor


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("I will be on leave from July 10th to July 20th.", date(2026, 7, 10), date(2026, 7, 20)),
        ("I am out of the office and will respond when I return on 7/15.", None, date(2026, 7, 15)),
        ("I am out of office 06/07/2026 - 17/07/2026.", date(2026, 7, 6), date(2026, 7, 17)),
        ("I am out of the office today and will return tomorrow.", None, date(2026, 7, 2)),
        ("Our offices are closed for the holidays until January 3.", None, date(2027, 1, 3)),
        ("夏季休暇のため、8月10日から16日までお休みをいただいております。", date(2026, 8, 10), date(2026, 8, 16)),
        ("Sono in ferie dal 1 al 14 luglio.", date(2026, 7, 1), date(2026, 7, 14)),
    ],
)
def test_days_of_an_absence(text: str, start: date | None, end: date | None) -> None:
    """One day that can only be read one way fixes the order of the other; the year is that of the mail, or the next."""
    reading = read(text, BY_A_MACHINE, "Automatic reply")
    assert (start, end) == (reading.absent_from, reading.absent_until)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi Tom,\n\nHope you are well. Just checking in to see how things are going. Let me know if you need anything!\n\nBest\nDana", True),
        ("Hi Tom, just bumping this to the top of your inbox. Thanks!", True),
        ("Hallo Tom, wollte nur kurz nachfragen, ob es etwas Neues gibt. Viele Grüße", True),
        ("Bonjour, je me permets de vous relancer. Avez-vous des nouvelles ? Bonne journée", True),
        ("Hola Ana, ¿alguna novedad? Quedo atento.", True),
        ("Ciao Marco, volevo solo sapere se ci sono novità. Grazie", True),
        ("Hoi Piet, ik wilde even vragen of er nog nieuws is.", True),
        ("Olá João, alguma novidade?", True),
        ("その後いかがでしょうか。よろしくお願いいたします。", True),
        ("您好，请问有什么进展吗？谢谢", True),
        ("Hi Tom, just checking in: the invoice 4711 is overdue since March, please pay by Friday.", False),
        ("Hi Tom, any update on the security questionnaire that your legal team needs before the renewal in September? They asked for the SOC report.", False),
        ("Hallo Tom, die Schulung ist am Dienstag um 10:30 Uhr.", False),
    ],
)  # fmt: skip
def test_a_check_in_brings_nothing(text: str, expected: bool) -> None:  # noqa: FBT001 - the expected value of a row
    """In nine languages: a message that only asks for a sign of life, against one that has something to say."""
    assert expected == is_checkin(text)


def test_what_a_crm_saw_to_be_automatic_is_read_as_such() -> None:
    """A short notice without any header: where the CRM says that a machine sent it, its own words give the reason."""
    text = "Estaré fuera de la oficina hasta el lunes 16 de noviembre."
    reading = read_text("", text, FROM_TOM, "inbound", "auto_reply", at=date(2026, 11, 3))
    assert reading is not None
    assert ("auto_reply", "absent", date(2026, 11, 16)) == (reading.kind, reading.reason, reading.absent_until)


@pytest.mark.parametrize("greeting", ["Dear Sender,", "Guten Tag,", "Gentile Cliente,", "Beste Relatie,", "Cher Client,"])
def test_a_greeting_to_nobody_in_particular_is_no_persons(greeting: str) -> None:
    """Only a greeting with a name speaks for a person: notices greet as well."""
    text = f"{greeting}\n\nMonsieur Leroy ne travaille plus dans notre établissement. Merci de contacter M. Roux."
    assert read(text, FROM_AN_OFFICE).kind == "auto_reply"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I've moved on to pursue new opportunities. For Halden matters contact julia@halden.example.", "auto_reply"),
        ("Hi Dana,\n\nI've moved on to pursue new opportunities. For Halden matters contact julia@halden.example.", "human"),
    ],
)
def test_a_departure_told_to_nobody_in_particular_is_a_notice(text: str, kind: str) -> None:
    """Without any header the same words are a notice where they stand alone, and a person's where they greet one of us."""
    assert read(text, FROM_TOM, "").kind == kind
