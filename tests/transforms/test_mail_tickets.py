"""What tickets are about: subjects and whole texts in nine languages, each with what a support desk would say of it."""

import pytest

from transforms.mail.tickets import ASKS_HOW, BROKEN, read_ticket

SAYS_BROKEN = """
Dashboard won't load
API returns 500
Invoices missing from March
Emails not going out
SSO broken after update
Password reset link expired
Our integration keeps disconnecting
Numbers in the report don't add up
App crashes on iPhone
We get 'permission denied' when exporting
Import stuck at 80%
Duplicate contacts after sync
Webhook stopped firing
Page is blank in Firefox
Seite lädt nicht mehr
Schnittstelle liefert keine Daten
Rechnung wird nicht erzeugt
Drucken geht nicht
Passwort zurücksetzen klappt nicht
Kunden werden doppelt angelegt
Zugriff verweigert beim Öffnen der Datei
Auswertung zeigt falsche Zahlen
Le site est inaccessible
Les factures n'apparaissent plus
Page d'erreur 404 sur le portail
Je ne reçois plus les notifications
Données manquantes depuis mardi
Accès refusé au tableau de bord
La aplicación se cierra sola
No recibimos los correos
El informe muestra datos incorrectos
No carga la página de pagos
L'app va in crash all'avvio
Non riceviamo più le notifiche
Dati mancanti nel report
Il login non funziona
Koppeling werkt niet meer
Rapport toont verkeerde cijfers
Ik krijg een foutmelding bij het opslaan
Kan niet inloggen
Não recebo os e-mails
O sistema caiu hoje cedo
Erro 500 ao salvar
Relatório com dados incorretos
画面が真っ白になります
データが消えました
CSVの取り込みに失敗します
メールが届きません
系统登录不上去了
页面加载不出来
数据同步失败
收不到验证码
Calendar invites show the wrong time zone
Search gives no results since yesterday
File upload hangs forever
Two-factor codes are rejected
Charts do not render in Safari
Salesforce sync lost half of our leads
The mobile app logs me out all the time
Payment page times out
Attachments get corrupted
CSV import ignores the header row
Die App stürzt ständig ab
Kalender zeigt falsche Uhrzeiten an
Suche findet nichts mehr
Synchronisation hängt seit gestern
Zertifikat abgelaufen, Portal nicht erreichbar
Mails kommen als Spam an
La recherche ne donne plus aucun résultat
L'application se ferme toute seule
Le paiement est refusé sans raison
Les pièces jointes sont corrompues
La búsqueda no devuelve resultados
El archivo adjunto está dañado
Se perdieron los cambios que guardé
La ricerca non dà risultati
Gli allegati sono danneggiati
Il pagamento viene rifiutato
Zoeken geeft geen resultaten
Bijlagen zijn beschadigd
De app sluit steeds af
A busca não retorna resultados
Os anexos chegam corrompidos
O pagamento foi recusado
検索結果が表示されません
アプリがすぐ終了してしまう
添付ファイルが壊れている
搜索没有结果
附件损坏
支付被拒绝
""".strip().splitlines()

ASKS = """
How to invite a new user
Can we change the billing date?
Question on permissions
Where is the export button?
Need help setting up SSO
Please advise how we add a second site
Difference between admin and owner role?
Do you have a guide for the API?
Is there any option to schedule reports
Request for training for our new colleagues
Wie lege ich einen neuen Benutzer an?
Frage zur Lizenz
Können wir das Abrechnungsdatum ändern?
Bitte um Anleitung zum Datenexport
Gibt es eine Schulung für neue Mitarbeiter?
Comment inviter un nouvel utilisateur ?
Question sur la facturation
Peut-on modifier la date de facturation ?
Où se trouve le bouton d'export ?
¿Cómo invito a un nuevo usuario?
Duda sobre la facturación
¿Se puede cambiar la fecha de facturación?
Come invito un nuovo utente?
Domanda sulla fatturazione
Si può cambiare la data di fatturazione?
Hoe nodig ik een nieuwe gebruiker uit?
Vraag over facturatie
Kunnen we de factuurdatum wijzigen?
Como convido um novo usuário?
Dúvida sobre cobrança
Dá para alterar a data de cobrança?
新しいユーザーの招待方法を教えてください
請求日の変更は可能ですか
CSVの出力手順について
怎么邀请新用户
请问可以修改账单日期吗
有没有API使用说明
Can you tell me how to merge two accounts?
We'd like to understand the audit log
What does 'pending' mean?
Advice on setting up roles
Which plan includes SSO?
Could you point me to the API docs?
Looking for a way to bulk edit contacts
Is SSO supported?
Wie funktioniert die Rechtevergabe?
Was bedeutet der Status 'offen'?
Kann man Berichte automatisch versenden?
Wo ist die Einstellung für die Sprache?
Comment fusionner deux comptes ?
Que signifie le statut « en attente » ?
Est-il possible d'automatiser les rapports ?
¿Qué significa el estado pendiente?
¿Cómo fusiono dos cuentas?
¿Dónde está la opción de idioma?
Cosa significa lo stato in sospeso?
Come unisco due account?
Dove si trova l'impostazione della lingua?
Wat betekent de status openstaand?
Hoe voeg ik twee accounts samen?
Is SSO mogelijk?
O que quer dizer o status pendente?
Como junto duas contas?
Onde fica a opção de idioma?
アカウントの統合はどうすればいいですか
「保留」とはどういう意味ですか
言語設定はどこですか
怎样合并两个账户
“待处理”是什么意思
语言设置在哪里
""".strip().splitlines()

NEITHER = """
Invoice 4711
Contract renewal
Please cancel our subscription
New address of our company
Two more licences please
Kündigung zum Jahresende
Neue Bankverbindung
Deux licences supplémentaires
Cambio de dirección
更新契約
Meeting on Thursday
Thank you, all good now
合同续签
Nuovo indirizzo di fatturazione
Adreswijziging
Please send the signed contract
Purchase order 2211
Delivery address for hardware
Renewal quote for 40 seats
Data processing agreement
Rechnungsadresse ändern
Auftragsbestätigung
Changement d'adresse
Pedido de orçamento
Solicitud de presupuesto
Verlenging contract
見積書の送付依頼
申请发票
Our CEO changed
Confirm our meeting
Rinnovo del contratto
Delete my account
Bitte löschen Sie unseren Zugang
Resiliation du contrat
Feedback on the new design: we love it
""".strip().splitlines()

WHOLE = """
breakage | Reporting | Hi team, since the weekend our weekly report arrives without any figures in column C. Could you have a look? We present it tomorrow.
breakage | Help please | Whenever I press Save the spinner turns for ten minutes and nothing happens.
breakage | Integration | Our orders have not reached the ERP since Monday noon.
how_to | New colleague | Kim starts on Monday. How do I give her access to the shared folder?
how_to | Permissions | We are restructuring our team. Could you show us the best way to organise roles?
neither | Licences | We are growing! Please add five seats to our plan from next month.
neither | Hello | Thank you for solving this so quickly. You can close the ticket.
breakage | Bericht | Guten Tag, im Monatsbericht fehlen seit März alle Filialen. Bitte prüfen.
breakage | Login | Ich werde alle fünf Minuten abgemeldet.
how_to | Einrichtung | Wir möchten gerne die Anmeldung über Azure nutzen. Welche Schritte sind nötig?
neither | Vertrag | Bitte senden Sie uns den unterschriebenen Vertrag.
breakage | Facturation | Bonjour, la facture de mai n'a pas été générée et le montant affiché est faux.
how_to | Utilisateurs | Bonjour, nous aimerions savoir comment désactiver un compte.
breakage | Informe mensual | Desde ayer el informe sale vacío y no podemos cerrar el mes.
how_to | Roles | Hola, quisiera saber cómo dar permisos de solo lectura.
breakage | Esportazione | Buongiorno, da ieri il file esportato è vuoto.
how_to | Utenti | Vorrei sapere come disattivare un account.
breakage | Export | Sinds gisteren is het bestand leeg na het exporteren.
how_to | Rollen | Ik wil graag weten hoe ik leesrechten geef.
breakage | Relatório | Desde ontem o relatório sai vazio.
how_to | Perfis | Gostaria de saber como dar permissão de leitura.
breakage | レポート | 昨日からレポートの数値が空になっています。確認をお願いします。
how_to | 権限 | 閲覧のみの権限を付与するにはどうしたらよいでしょうか。
breakage | 报表 | 从昨天开始导出的文件是空的，请尽快处理。
how_to | 权限 | 我想知道怎么设置只读权限。
""".strip().splitlines()


def told(subject: str, text: str = "") -> str:
    """What is read of a ticket: breakage, how_to or neither."""
    found = read_ticket(subject, text)
    return found[0] if found else "neither"


@pytest.mark.parametrize("subject", SAYS_BROKEN)
def test_a_subject_that_tells_of_a_fault_is_breakage(subject: str) -> None:
    """Something does not work, is wrong or is missing."""
    assert told(subject) == BROKEN


@pytest.mark.parametrize("subject", ASKS)
def test_a_question_how_something_is_done_is_no_fault(subject: str) -> None:
    """They learn; nothing of theirs is broken."""
    assert told(subject) == ASKS_HOW


@pytest.mark.parametrize("subject", NEITHER)
def test_orders_contracts_and_thanks_are_neither(subject: str) -> None:
    """What is neither a fault nor a question about use has no kind."""
    assert told(subject) == "neither"


@pytest.mark.parametrize("line", WHOLE)
def test_a_whole_ticket_is_read_by_its_subject_and_its_text(line: str) -> None:
    """A subject often says nothing; the text does."""
    expected, subject, text = line.split(" | ")
    assert told(subject, text) == expected


def test_who_asks_about_a_fault_has_one() -> None:
    """A question in the subject and a fault in the text, or the other way round: breakage."""
    assert told("How do I export?", "The export fails with an error.") == BROKEN
    assert told("Export fails", "How can we get round it?") == BROKEN


def test_what_they_quote_below_is_not_theirs() -> None:
    """Our own words under theirs, and the signature, are set aside."""
    text = "Thank you!\n\nOn Monday, Dana wrote:\n> There was an error in the export."
    assert told("Export", text) == "neither"
