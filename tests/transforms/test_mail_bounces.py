"""Bounces in the manner of many mail systems, written after their documentation: who is meant, and why it came back."""

import pytest

from transforms.mail.reading import Reading, read_message

TOM = "tom@halden.example"
KIM = "kim@halden.example"
ORIGINAL = f"From: Dana Ruiz <dana@vendor.example>\nTo: {TOM}\nSubject: Your renewal\n\nHello Tom, is your mailbox full? I have left the company.\n"


def text_mail(sender: str, subject: str, body: str, *headers: str) -> bytes:
    """A report in plain text."""
    head = [f"From: {sender}", "To: dana@vendor.example", f"Subject: {subject}", "Date: Tue, 03 Nov 2026 09:00:00 +0100", *headers]
    return ("\n".join(head) + "\n\n" + body).encode()


def report(sender: str, subject: str, body: str, *groups: str, kind: str = "text/plain", headers: tuple[str, ...] = ()) -> bytes:
    """A report with its structured part (RFC 3464) and the mail that came back."""
    fields = "\n\n".join(("Reporting-MTA: dns; mx.vendor.example", *groups))
    parts = [
        f"Content-Type: {kind}; charset=utf-8\n\n{body}\n",
        f"Content-Type: message/delivery-status\n\n{fields}\n",
        f"Content-Type: message/rfc822\n\n{ORIGINAL}",
    ]
    return text_mail(
        sender,
        subject,
        "".join(f"--b\n{part}\n" for part in parts) + "--b--\n",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        *headers,
    )


def group(status: str, diagnostic: str, *, final: str = TOM, action: str = "failed", more: str = "") -> str:
    """One group of a structured report; without a diagnostic where there is none."""
    lines = [f"Final-Recipient: rfc822; {final}", f"Action: {action}", f"Status: {status}"]
    return "\n".join([*lines, *([f"Diagnostic-Code: {diagnostic}"] if diagnostic else []), *([more] if more else [])])


DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.vendor.example>"
COPY = f"\n------ This is a copy of the message, including all the headers. ------\n\n{ORIGINAL}"


def postfix(words: str, status: str, *, action: str = "failed", address: str = TOM) -> bytes:
    """Postfix: the other server's words in the text and in the report."""
    body = f"This is the mail system at host mx.vendor.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients. It's attached below.\n\nFor further assistance, please send mail to postmaster.\n\n                   The mail system\n\n<{address}>: {words}\n"
    warned = "Undelivered Mail Returned to Sender" if action == "failed" else "Delayed Mail (still being retried)"
    return report(DAEMON, warned, body, group(status, f"smtp; {words}", action=action, final=address))


def exim(words: str) -> bytes:
    """Exim: plain text, the address in a header, no structured report."""
    body = f"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  {TOM}\n    {words}\n{COPY}"
    return text_mail(
        "Mail Delivery System <Mailer-Daemon@mx.vendor.example>",
        "Mail delivery failed: returning message to sender",
        body,
        f"X-Failed-Recipients: {TOM}",
        "Auto-Submitted: auto-replied",
    )


def sendmail(reason: str, transcript: str, status: str, diagnostic: str) -> bytes:
    """Sendmail: a transcript of the session, then the report."""
    body = f"The original message was received at Tue, 3 Nov 2026 09:00:00 GMT\nfrom localhost [127.0.0.1]\n\n   ----- The following addresses had permanent fatal errors -----\n<{TOM}>\n    (reason: {reason})\n\n   ----- Transcript of session follows -----\n{transcript}\n"
    return report(
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.vendor.example>",
        "Returned mail: see transcript for details",
        body,
        group(status, diagnostic),
    )


def qmail(words: str) -> bytes:
    """Qmail and what grew from it: plain text."""
    body = f"Hi. This is the qmail-send program at mx.vendor.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<{TOM}>:\n{words}\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <dana@vendor.example>\n{ORIGINAL}"
    return text_mail("MAILER-DAEMON@mx.vendor.example", "failure notice", body)


def google(words: str, status: str, smtp: str) -> bytes:
    """Gmail: a page for people and a report."""
    body = f"** Address not found **\n\nYour message wasn't delivered to {TOM}.\n\nThe response from the remote server was:\n{words}\n"
    return report(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        body if status == "5.1.1" else body.replace("** Address not found **", "** Message not delivered **"),
        group(status, f"smtp; {smtp}"),
        headers=(f"X-Failed-Recipients: {TOM}", "Auto-Submitted: auto-replied"),
    )


def exchange_online(sentence: str, words: str, status: str) -> bytes:
    """Exchange Online: a page in HTML, the diagnostic for administrators, a report."""
    body = f"<html><body><p>Your message to {TOM} couldn't be delivered.</p><p>{sentence}</p><p>How to Fix It</p><p>The address may be misspelled or may not exist, or the mailbox may be full. Try one or more of the following.</p><p>Diagnostic information for administrators:</p><p>Generating server: AM0PR01.prod.outlook.com</p><p>{TOM}<br>Remote Server returned '{words}'</p></body></html>"
    return report(
        "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@vendor.example>",
        "Undeliverable: Your renewal",
        body,
        group(status, f"smtp;{words}"),
        kind="text/html",
    )


def exchange_2003(words: str, status: str) -> bytes:
    """Exchange 2000 and 2003: text, and a report that has the code alone."""
    body = f"Your message did not reach some or all of the intended recipients.\n\n      Subject:\tYour renewal\n      Sent:\t03.11.2026 09:00\n\nThe following recipient(s) could not be reached:\n\n      {TOM} on 03.11.2026 09:00\n            {words}\n            <mx.vendor.example #{status}>\n"
    return report("postmaster@vendor.example", "Undeliverable: Your renewal", body, group(status, ""))


CASES: list[tuple[str, bytes, str]] = [
    ("postfix-unknown", postfix(f"host mx.halden.example[192.0.2.1] said: 550 5.1.1 <{TOM}>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)", "5.1.1"), "mailbox_gone"),
    ("postfix-relay", postfix(f"host mx.halden.example[192.0.2.1] said: 554 5.7.1 <{TOM}>: Relay access denied (in reply to RCPT TO command)", "5.7.1"), "blocked"),
    ("postfix-sender", postfix("host mx.halden.example[192.0.2.1] said: 550 5.1.1 <dana@vendor.example>: user unknown (in reply to MAIL FROM command)", "5.1.1"), "blocked"),
    ("postfix-dns", postfix("Host or domain name not found. Name service error for name=halden.example type=A: Host not found", "5.4.4"), "domain_gone"),
    ("postfix-timeout", postfix("connect to mx.halden.example[192.0.2.1]:25: Connection timed out", "4.4.1"), "temporary"),
    ("postfix-delay", postfix("connect to mx.halden.example[192.0.2.1]:25: Connection refused", "4.4.1", action="delayed"), "temporary"),
    ("postfix-full", postfix(f"host mx.halden.example[192.0.2.1] said: 452 4.2.2 <{TOM}>: Mailbox full (in reply to end of DATA command)", "4.2.2"), "mailbox_full"),
    ("postfix-dovecot-quota", postfix("lmtp said: 552 5.2.2 Quota exceeded (mailbox for user is full) (in reply to end of DATA command)", "5.2.2"), "mailbox_full"),
    ("postfix-greylist", postfix("host mx.halden.example[192.0.2.1] said: 450 4.2.0 Greylisted, see http://postgrey.example/help (in reply to RCPT TO command)", "4.2.0"), "temporary"),
    ("postfix-spamhaus", postfix("host mx.halden.example[192.0.2.1] refused to talk to me: 554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.example", "5.7.1"), "blocked"),
    ("postfix-rdns", postfix("host mx.halden.example[192.0.2.1] said: 450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9] (in reply to RCPT TO command)", "4.7.1"), "blocked"),
    ("postfix-size", postfix("message size 20480000 exceeds size limit 10240000 of server mx.halden.example[192.0.2.1]", "5.3.4"), "other"),
    ("postfix-loop", postfix("mail for halden.example loops back to myself", "5.4.6"), "other"),
    ("postfix-bare", postfix("host mx.halden.example[192.0.2.1] said: 550 Rejected (in reply to end of DATA command)", "5.0.0"), "blocked"),
    ("docomo-unknown", postfix("host mfsmax.docomo.ne.jp[192.0.2.1] said: 550 Unknown user tom@docomo.ne.jp (in reply to RCPT TO command)", "5.0.0", address="tom@docomo.ne.jp"), "mailbox_gone"),
    ("docomo-filter", postfix("host mfsmax.docomo.ne.jp[192.0.2.1] said: 550 Unknown user tom@docomo.ne.jp (in reply to end of DATA command)", "5.0.0", address="tom@docomo.ne.jp"), "blocked"),
    ("docomo-full", postfix("host mfsmax.docomo.ne.jp[192.0.2.1] said: 552 Too much mail data tom@docomo.ne.jp (in reply to RCPT TO command)", "5.0.0", address="tom@docomo.ne.jp"), "mailbox_full"),
    ("exim-unknown", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mx.halden.example [192.0.2.1]: 550 No such user here"), "mailbox_gone"),
    ("exim-mailbox-unavailable", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mx01.emig.gmx.example [192.0.2.1]: 550 Requested action not taken: mailbox unavailable\n    For explanation visit https://postmaster.gmx.example/en/error-messages"), "mailbox_gone"),
    ("exim-mx", exim("all relevant MX records point to non-existent hosts"), "domain_gone"),
    ("exim-unrouteable", exim("Unrouteable address"), "domain_gone"),
    ("exim-unrouteable-remote", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mx.halden.example [192.0.2.1]: 550 unrouteable address"), "mailbox_gone"),
    ("exim-retry", exim("retry timeout exceeded"), "temporary"),
    ("exim-data", exim("SMTP error from remote mail server after end of data:\n    host mx.halden.example [192.0.2.1]: 554 rejected due to spam content"), "blocked"),
    ("exim-verify", exim("SMTP error from remote mail server after MAIL FROM:<dana@vendor.example>:\n    host mx.halden.example [192.0.2.1]: 550 Sender verify failed"), "blocked"),
    ("exim-quota", exim("mailbox is full (MTA-imposed quota exceeded while writing to file /var/mail/tom)"), "mailbox_full"),
    ("sendmail-unknown", sendmail(f"550 5.1.1 <{TOM}>... User unknown", f"... while talking to mx.halden.example.:\n>>> RCPT To:<{TOM}>\n<<< 550 5.1.1 <{TOM}>... User unknown\n550 5.1.1 <{TOM}>... User unknown", "5.1.1", f"SMTP; 550 5.1.1 <{TOM}>... User unknown"), "mailbox_gone"),
    ("sendmail-host", sendmail("550 Host unknown", f"550 5.1.2 <{TOM}>... Host unknown (Name server: halden.example: host not found)", "5.1.2", "SMTP; 550 Host unknown"), "domain_gone"),
    ("sendmail-quota", sendmail("Can't create output", "procmail: Quota exceeded while writing \"/var/mail/tom\"\n550 5.0.0 <tom>... Can't create output", "5.0.0", ""), "mailbox_full"),
    ("sendmail-deferred", sendmail("Deferred: Connection timed out with mx.halden.example.", "Message could not be delivered for 5 days\nMessage will be deleted from queue", "4.4.7", "X-Unix; 75"), "temporary"),
    ("sendmail-mail-from", sendmail("550 5.7.1 Access denied", "... while talking to mx.halden.example.:\n>>> MAIL From:<dana@vendor.example>\n<<< 550 5.7.1 Access denied", "5.7.1", "SMTP; 550 5.7.1 Access denied"), "blocked"),
    ("qmail-unknown", qmail("Sorry, no mailbox here by that name. (#5.1.1)"), "mailbox_gone"),
    ("qmail-remote", qmail("192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.1."), "mailbox_gone"),
    ("qmail-remote-block", qmail("192.0.2.1 does not like recipient.\nRemote host said: 554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using bl.spamcop.example\nGiving up on 192.0.2.1."), "blocked"),
    ("qmail-host", qmail("Sorry, I couldn't find any host named halden.example. (#5.1.2)"), "domain_gone"),
    ("qmail-connect", qmail("Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try again; this message has been in the queue too long."), "temporary"),
    ("qmail-after-data", qmail("192.0.2.1 failed after I sent the message.\nRemote host said: 554 Message refused"), "blocked"),
    ("qmail-ldap", qmail("Mailbox disabled, not accepting messages (#5.2.1)"), "mailbox_disabled"),
    ("qmail-quota", qmail("Recipient's mailbox is full, message returned to sender. (#5.2.2)"), "mailbox_full"),
    ("yahoo-gone", qmail(f"192.0.2.1 failed after I sent the message.\nRemote host said: 554 delivery error: dd This user doesn't have a yahoo.example account ({TOM}) [0] - mta1.mail.example"), "mailbox_gone"),
    ("yahoo-disabled", qmail(f"192.0.2.1 failed after I sent the message.\nRemote host said: 554 delivery error: dd Sorry your message to {TOM} cannot be delivered. This account has been disabled or discontinued [#102]. - mta1.mail.example"), "mailbox_disabled"),
    ("gmail-gone", google("550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550-5.1.1 unnecessary spaces. 550 5.1.1 Learn more at https://support.example/?p=NoSuchUser x1-20020a - gsmtp", "5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550 5.1.1 unnecessary spaces. - gsmtp"), "mailbox_gone"),
    ("gmail-disabled", google("550 5.2.1 The email account that you tried to reach is disabled. Learn more - gsmtp", "5.2.1", "550 5.2.1 The email account that you tried to reach is disabled. Learn more - gsmtp"), "mailbox_disabled"),
    ("gmail-full", google("552-5.2.2 The recipient's inbox is out of storage space and inactive. Please\n552-5.2.2 direct the recipient to https://support.example/?p=OverQuotaPerm - gsmtp", "5.2.2", "552-5.2.2 The recipient's inbox is out of storage space and inactive. - gsmtp"), "mailbox_full"),
    ("gmail-spf", google("550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM. - gsmtp", "5.7.26", "550-5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp"), "blocked"),
    ("gmail-dns", google("DNS Error: DNS type 'mx' lookup of halden.example responded with code NXDOMAIN Domain name not found: halden.example", "5.1.2", "DNS Error: DNS type 'mx' lookup of halden.example responded with code NXDOMAIN Domain name not found: halden.example"), "domain_gone"),
    ("exo-gone", exchange_online("tom wasn't found at halden.example.", f"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {TOM} not found by SMTP address lookup", "5.1.10"), "mailbox_gone"),
    ("exo-edge", exchange_online("The recipient's email provider rejected it.", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [DB3EUR04FT011.eop-eur04.prod.protection.outlook.com]", "5.4.1"), "mailbox_gone"),
    ("exo-full", exchange_online("The recipient's mailbox is full and can't accept messages now.", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message", "5.2.2"), "mailbox_full"),
    ("exo-rule", exchange_online("A custom mail flow rule created by an admin at halden.example has blocked your message.", "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", "5.7.1"), "blocked"),
    ("exo-domain", exchange_online("The recipient's domain couldn't be found.", "550 5.4.310 DNS domain halden.example does not exist [Message=InfoDomainNonexistent] [LastAttemptedServerName=halden.example]", "5.4.310"), "domain_gone"),
    ("exo-expired", exchange_online("Several attempts to deliver it failed.", "550 5.4.300 Message expired -> 421 4.4.1 Connection timed out", "5.4.300"), "temporary"),
    ("exo-dmarc", exchange_online("The message was rejected.", "550 5.7.509 Access denied, sending domain VENDOR.EXAMPLE does not pass DMARC verification and has a DMARC policy of reject", "5.7.509"), "blocked"),
    ("exo-restricted", exchange_online("You don't have permission to send to this recipient.", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group", "5.7.133"), "blocked"),
    ("exchange2003-gone", exchange_2003("The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct address.", "5.1.1"), "mailbox_gone"),
    ("exchange2003-full", exchange_2003("The recipient's mailbox is full.", "5.2.2"), "mailbox_full"),
    ("exchange2003-dns", exchange_2003("The destination server for this recipient could not be found in Domain Name Service (DNS). Please verify the email address and retry.", "5.4.0"), "domain_gone"),
    ("exchange2003-time", exchange_2003("Could not deliver the message in the time limit specified.  Please retry or contact your administrator.", "4.4.7"), "temporary"),
    ("exchange2003-german", exchange_2003("Das E-Mail-Konto existiert nicht in der Organisation, an die diese Nachricht gesendet wurde.", "5.1.1"), "mailbox_gone"),
    ("exchange55", text_mail("System Administrator <postmaster@vendor.example>", "Undeliverable: Your renewal", f"Your message\n\n  To:      {TOM}\n  Subject: Your renewal\n  Sent:    Tue, 3 Nov 2026 09:00:00 +0100\n\ndid not reach the following recipient(s):\n\n{TOM} on Tue, 3 Nov 2026 09:00:10 +0100\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=de;a= ;p=halden;l=MX1-261103\n    MSEXCH:IMS:Halden:SITE:MX1 0 (000C05A6) Unknown Recipient\n"), "mailbox_gone"),
    ("x400", report("postmaster@vendor.example", "Delivery Report (failure)", f"Your message could not be delivered to: {TOM}", group("5.0.0", "x400; unable-to-transfer; unrecognised-OR-name")), "mailbox_gone"),
    ("x400-expired", report("postmaster@vendor.example", "Delivery Report (failure)", f"Your message could not be delivered to: {TOM}", group("5.0.0", "x400; unable-to-transfer; maximum-time-expired")), "temporary"),
    ("domino", report("Postmaster@halden.example", "DELIVERY FAILURE: User tom (tom@halden.example) not listed in Domino Directory", f"Your message\n\n  Subject: Your renewal\n\nwas not delivered to:\n\n  {TOM}\n\nbecause:\n\n  User tom ({TOM}) not listed in Domino Directory\n", group("5.1.1", f"X-Notes; User tom ({TOM}) not listed in Domino Directory")), "mailbox_gone"),
    ("domino-route", report("Postmaster@halden.example", "DELIVERY FAILURE: No route found to domain halden.example", f"was not delivered to:\n\n  {TOM}\n\nbecause:\n\n  No route found to domain HALDEN from server HUB01/Vendor. Check Server, Connection and Domain documents in Domino Directory.\n", group("5.0.0", "X-Notes; No route found to domain HALDEN from server HUB01/Vendor.")), "domain_gone"),
    ("groupwise", text_mail("Mailer-Daemon@halden.example", "Message status - undeliverable", f"The message that you sent was undeliverable to the following:\n\n\ttom (user not found)\n\nPossibly truncated original message follows:\n\n{ORIGINAL}"), "mailbox_gone"),
    ("groupwise-full", text_mail("Mailer-Daemon@halden.example", "Message status - undeliverable", f"The message that you sent was undeliverable to the following:\n\n\t{TOM} (mailbox is full)\n\nPossibly truncated original message follows:\n\n{ORIGINAL}"), "mailbox_full"),
    ("aol", report("Mail Delivery Subsystem <MAILER-DAEMON@aol.example>", "Returned mail: User unknown", f"   ----- The following addresses had permanent fatal errors -----\n<{TOM}>\n\n   ----- Transcript of session follows -----\n>>> RCPT To:<{TOM}>\n<<< 550 MAILBOX NOT FOUND\n", group("2.0.0", "SMTP; 550 MAILBOX NOT FOUND")), "mailbox_gone"),
    ("mailru", text_mail("mailer-daemon@corp.mail.example", "Mail failure.", f"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  {TOM}\n    SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mxs.mail.example [192.0.2.1]: 550 Message was not accepted -- invalid mailbox.\n    Local mailbox {TOM} is unavailable: user not found\n", f"X-Failed-Recipients: {TOM}"), "mailbox_gone"),
    ("ses", report("MAILER-DAEMON@eu-west-1.amazonses.example", "Delivery Status Notification (Failure)", f"An error occurred while trying to deliver the mail to the following recipients:\n{TOM}\n", group("5.1.1", f"smtp; 550 5.1.1 <{TOM}>: Recipient address rejected: User unknown")), "mailbox_gone"),
    ("ses-suppressed", report("MAILER-DAEMON@eu-west-1.amazonses.example", "Delivery Status Notification (Failure)", f"An error occurred while trying to deliver the mail to the following recipients:\n{TOM}\n", group("5.1.1", "smtp; Amazon SES did not send the message to this address because it has a recent history of bouncing as an invalid address.")), "mailbox_gone"),
    ("ironport", report("Mail Delivery System <MAILER-DAEMON@gw.vendor.example>", "Delivery Status Notification (Failure)", f"The following message to <{TOM}> was undeliverable.\nThe reason for the problem:\n5.1.0 - Unknown address error 550-'5.1.1 User unknown'\n", group("5.0.0", "smtp; 5.1.0 - Unknown address error 550-'5.1.1 User unknown' (delivery attempts: 0)")), "mailbox_gone"),
    ("ironport-dns", report("Mail Delivery System <MAILER-DAEMON@gw.vendor.example>", "Delivery Status Notification (Failure)", f"The following message to <{TOM}> was undeliverable.\nThe reason for the problem:\n5.1.2 - Bad destination host 'DNS Hard Error looking up halden.example (MX):  NXDomain'\n", group("5.0.0", "smtp; 5.1.2 - Bad destination host 'DNS Hard Error looking up halden.example (MX):  NXDomain' (delivery attempts: 0)")), "domain_gone"),
    ("ironport-expired", report("Mail Delivery System <MAILER-DAEMON@gw.vendor.example>", "Delivery Status Notification (Failure)", f"The following message to <{TOM}> was undeliverable.\nThe reason for the problem:\n5.4.7 - Delivery expired (message too old) 'timeout'\n", group("5.0.0", "smtp; 5.4.7 - Delivery expired (message too old) 'timeout' (delivery attempts: 22)")), "temporary"),
    ("messagelabs", text_mail("MAILER-DAEMON@messagelabs.example", "Mail Delivery Failure", f"This is the mail delivery agent at messagelabs.example.\nI was unable to deliver your message to the following addresses:\n\n{TOM}\n\nReason: 550 {TOM}... No such user\n\nThe message subject was: Your renewal\n"), "mailbox_gone"),
    ("courier", report('"Courier mail server at mx.vendor.example" <@mx.vendor.example>', "NOTICE: mail delivery status.", f"This is a delivery status notification from mx.vendor.example,\nrunning the Courier mail server, version 0.65.2.\n\n---------------------------------------------------------------------------\n\n                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<{TOM}>:\n    mx.halden.example [192.0.2.1]:\n>>> RCPT TO:<{TOM}>\n<<< 550 User unknown\n", group("5.0.0", "smtp; 550 User unknown")), "mailbox_gone"),
    ("james", text_mail("postmaster@vendor.example", "Re: Your renewal", f"Hi. This is the James mail server at mx.vendor.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed recipient(s):\n{TOM}\n\nError message below:\n550 - Requested action not taken: no such user here\n"), "mailbox_gone"),
    ("opensmtpd", text_mail("Mailer Daemon <MAILER-DAEMON@mx.vendor.example>", "Delivery status notification: error", f"    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n{TOM}: 550 Invalid recipient\n\n    Below is a copy of the original message:\n\n{ORIGINAL}"), "mailbox_gone"),
    ("opensmtpd-mx", text_mail("Mailer Daemon <MAILER-DAEMON@mx.vendor.example>", "Delivery status notification: error", f"    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n{TOM}: No MX found for domain\n"), "domain_gone"),
    ("kddi-full", text_mail("Mail Administrator <Postmaster@ezweb.example>", "Mail System Error - Returned Mail", f"Your mail sent on: Tue, 3 Nov 2026 09:00:00 +0900\n        Could not be delivered to: <{TOM}>\nAs their mailbox is full.\n"), "mailbox_full"),
    ("dti", text_mail("Mail Administrator <Postmaster@point.example>", "Mail System Error - Returned Mail", f"This Message was undeliverable due to the following reason:\n\nEach of the following recipients was rejected by a remote mail server.\nThe reasons given by the server are included to help you determine why\neach recipient was rejected.\n\n    Recipient: <{TOM}>\n    Reason:    <{TOM}>... User unknown\n"), "mailbox_gone"),
    ("biglobe-japanese", text_mail("postmaster@biglobe.example", "配信不能のお知らせ", f"以下の宛先にメールを送信できませんでした。\n\n{TOM}\n\n理由: 宛先のメールボックスがいっぱいです。\n"), "mailbox_full"),
    ("qq", text_mail("PostMaster@qq.example", "来自qq.com的退信", f"抱歉,您的邮件被退回来了……\n无法发送到 {TOM}\n退信原因 收件人邮箱地址不存在 该用户未开通QQ邮箱\nMailbox not found.\n"), "mailbox_gone"),
    ("netease", text_mail("Postmaster@163.example", "系统退信", f"抱歉,您的邮件被退回来了……\n收件人 {TOM}\n退信原因: 550 User not found: {TOM}\n"), "mailbox_gone"),
    ("netease-spam", text_mail("Postmaster@163.example", "系统退信", f"抱歉,您的邮件被退回来了……\n收件人 {TOM}\n退信原因: 554 DT:SPM 163 smtp10, 邮件被判为垃圾邮件\n"), "blocked"),
    ("mdaemon", text_mail("MDaemon at vendor.example <MDaemon@vendor.example>", "Permanent Delivery Failure", f"The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts the attached message has\nbeen removed from the mail queue on this server.\n\nFAILED ADDRESS: {TOM}\n\n--- Session Transcript ---\n Tue 2026-11-03 09:00:00: --> RCPT To:<{TOM}>\n Tue 2026-11-03 09:00:00: <-- 550 <{TOM}>, Recipient unknown\n"), "mailbox_gone"),
    ("imail", text_mail("Postmaster <postmaster@vendor.example>", "Undeliverable Mail", f"Unknown user: {TOM}\n\nOriginal message follows.\n\n{ORIGINAL}"), "mailbox_gone"),
    ("mxlogic", text_mail("Mail Delivery System <Mailer-Daemon@mxlogic.example>", "Mail delivery failed: returning message to sender", f"This message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n  {TOM}\n    SMTP error from remote mailer after RCPT TO:<{TOM}>:\n    host mx.halden.example [192.0.2.1]: 550 Denied by policy (Mode: normal)\n"), "blocked"),
    ("barracuda", report("postmaster@vendor.example", "**Message you sent blocked by our bulk email filter**", f"Your message to: {TOM}\nwas blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:\n\nSubject: Your renewal\n", group("5.7.1", "smtp; 550 5.7.1 Message content rejected, UBE, id=1")), "blocked"),
    ("mimecast", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host eu-smtp-inbound-1.mimecast.example [192.0.2.1]:\n    550 Invalid Recipient - https://community.mimecast.example/docs/DOC-1369#550"), "mailbox_gone"),
    ("haraka", text_mail("MAILER-DAEMON <postmaster@mx.vendor.example>", "failure notice", f"Hi. This is the Haraka Mailer program at mx.vendor.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\nIntended Recipients: <{TOM}>\nFailure Reason: 550 5.1.1 unknown recipient\n"), "mailbox_gone"),
    ("hmailserver", text_mail("mailer-daemon@vendor.example", "Message undeliverable: Your renewal", f"Your message did not reach some or all of the intended recipients.\n\n   Sent: Tue, 3 Nov 2026 09:00:00 +0100\n   Subject: Your renewal\n\nThe following recipient(s) could not be reached:\n\n{TOM}\n   Error Type: SMTP\n   Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<{TOM}>\n   Remote server replied: 550 5.1.1 User unknown\n\nhMailServer\n"), "mailbox_gone"),
    ("communigate", text_mail("MAILER-DAEMON@mx.vendor.example", "Undeliverable mail: Your renewal", f"Failed to deliver to '{TOM}'\nSMTP module(domain halden.example) reports:\n host halden.example says:\n 550 5.1.1 {TOM} unknown user account\n"), "mailbox_gone"),
    ("gmx-inactive", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mx0.gmx.example [192.0.2.1]: 550 5.2.1 <{TOM}>... User is inactive"), "mailbox_disabled"),
    ("webde-quota", exim(f"SMTP error from remote mail server after RCPT TO:<{TOM}>:\n    host mx.web.example [192.0.2.1]: 550 Benutzer hat das Speichervolumen ueberschritten. / User has exhausted allowed storage space."), "mailbox_full"),
    ("orange", postfix("host smtp-in.orange.example[192.0.2.1] said: 550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416] (in reply to RCPT TO command)", "5.1.1"), "mailbox_gone"),
    ("french", text_mail("Postmaster <postmaster@halden.example>", "Non remis : Votre renouvellement", f"Votre message n'a pas pu être remis aux destinataires suivants :\n\n{TOM}\n\nUtilisateur inconnu\n"), "mailbox_gone"),
    ("german", text_mail("postmaster@halden.example", "Unzustellbar: Ihre Verlängerung", f"Ihre Nachricht konnte nicht zugestellt werden an:\n\n{TOM}\n\nGrund: Empfänger unbekannt\n"), "mailbox_gone"),
    ("spanish", text_mail("postmaster@halden.example", "No se puede entregar: Su renovación", f"No se pudo entregar el mensaje a los siguientes destinatarios:\n\n{TOM}\n\nEl buzón del destinatario está lleno.\n"), "mailbox_full"),
    ("russian", text_mail("mailer-daemon@yandex.example", "Недоставленное сообщение", f"Это письмо отправлено почтовым сервером.\n\nК сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может быть отправлено одному или нескольким адресатам.\n\n<{TOM}>: host mx.halden.example[192.0.2.1] said: 550 5.7.1 No such user!\n"), "mailbox_gone"),
    ("polish", text_mail("mailer-daemon@poczta.example", "Niedostarczona wiadomość", f"Wiadomość nie została dostarczona do:\n{TOM}\nNie ma takiego użytkownika\n"), "mailbox_gone"),
    ("no-reason", text_mail("Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)", f"This is an automatically generated Delivery Status Notification\n\nDelivery to the following recipient failed permanently:\n\n     {TOM}\n\n   ----- Original message -----\n\n{ORIGINAL}"), "other"),
]  # fmt: skip


def one(raw: bytes) -> Reading:
    """The only reading of a mail."""
    (reading,) = read_message(raw)
    return reading


@pytest.mark.parametrize(("raw", "reason"), [pytest.param(raw, reason, id=name) for name, raw, reason in CASES])
def test_a_bounce_of_each_mail_system_is_read(raw: bytes, reason: str) -> None:
    """Whatever form a mail system gives its report, it is a bounce, and the reason is what its words mean."""
    reading = one(raw)
    assert ("bounce", reason) == (reading.kind, reading.reason)


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw, _ in CASES if "docomo" not in name])
def test_the_recipient_is_named(raw: bytes) -> None:
    """The failed address is the one that the report is about, never ours and never the mail server's."""
    assert one(raw).recipient in ({TOM} if b"tom (user not found)" not in raw else {TOM, ""})
