/**
 * What happened, in the words of a SOC. Addresses and names are those that are reserved for documents. Long because it is
 * one table of texts.
 */
import type { CtpWorklog, TicketFields } from './ticket.ts'

export interface Story {
  readonly ticketId: string
  readonly status: string
  readonly priority: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'
  readonly symptomDescription: string
  readonly detailedDescription: string
  readonly category: string
  readonly categoryType: string
  readonly categoryItem?: string
  /** Minutes before now. */
  readonly openedAgo: number
  readonly changedAgo: number
  readonly devices?: readonly string[]
  /** The newest first; `ago` in minutes. */
  readonly worklogs: readonly (Omit<CtpWorklog, 'dateCreated'> & { readonly ago: number })[]
  readonly attachment?: { readonly id: string; readonly name: string; readonly lines: readonly string[] }
  /** Other members of the ticket. */
  readonly more?: TicketFields
}

const rule = '====='
const text = (...lines: readonly string[]) => lines.join('\n')
const soc = { createdBy: 'Priya Raman', type: 'Client Note' } as const
const customer = { createdBy: 'Mina Okafor', type: 'Customer Comment' } as const
/** Nobody is named in the notices that the product writes itself. */
const opened = (ago: number, ticketId: string) => ({
  ago,
  type: 'Client Notification',
  description: text(
    'Communication Message:',
    'Send To: Mina Okafor; {Watchers}',
    `Subject: Secureworks Ticket #${ticketId} | Incident Created`,
  ),
})
const relatedTo = (ticketId: string, type: 'Parent' | 'Child') => ({
  $: { href: `/tkt/tickets/${ticketId}`, 'relationship-owner': 'SOC', 'relationship-type': type },
})

export const stories: readonly Story[] = [
  {
    ticketId: 'IN41200311',
    status: 'New',
    priority: 'CRITICAL',
    symptomDescription: 'Emotet command and control traffic from ACME-LT-0042',
    detailedDescription: text(
      'Summary:',
      'Host ACME-LT-0042 (10.20.4.42) talks to 203.0.113.77:8080 every 63 seconds since 04:12 UTC.',
      'The interval, the URI pattern and the JA3 hash fit the Emotet epoch 5 botnet.',
      rule,
      'Indicators:\t203.0.113.77, update-cdn[.]example, 4f2c…e1 (SHA256, see worklog)',
      rule,
      'Action: isolate the host, reset the password of "m.jansen" & look for lateral movement.',
    ),
    category: 'Malware',
    categoryType: 'Trojan',
    categoryItem: 'Emotet',
    openedAgo: 52,
    changedAgo: 11,
    devices: ['ACME-LT-0042', 'ACME-PROXY-01'],
    worklogs: [
      {
        ...soc,
        ago: 11,
        description:
          'A second host, <10.20.4.57>, resolved update-cdn[.]example 4 minutes ago. Please isolate both.',
      },
      { ...soc, ago: 38, description: 'Dropper: C:\\Users\\m.jansen\\AppData\\Local\\Temp\\inv_8841.dll' },
      opened(52, 'IN41200311'),
    ],
  },
  {
    ticketId: 'IN41200298',
    status: 'Active',
    priority: 'HIGH',
    symptomDescription: 'Credential phishing: 14 users opened "Payroll update Q3"',
    detailedDescription: text(
      'Summary:',
      '212 mailboxes got a message of payroll@acme-hr.example with a link to login-acme.example/sso.',
      '14 users opened the page and 3 sent a form. The proxy log is attached.',
      rule,
      'Action: reset the three passwords, sign them out everywhere, take the message out of the mailboxes.',
    ),
    category: 'Phishing',
    categoryType: 'Credential Harvesting',
    openedAgo: 170,
    changedAgo: 25,
    devices: ['ACME-PROXY-01'],
    worklogs: [
      {
        ...customer,
        ago: 25,
        description: 'Passwords are reset. Can you tell us whether anybody used them?',
      },
      {
        ago: 160,
        type: 'Attachment',
        createdBy: 'Priya Raman',
        description: 'Attachment added to ticket: proxy-log.csv\n.',
      },
      opened(170, 'IN41200298'),
    ],
    attachment: {
      id: '1810442',
      name: 'proxy-log.csv',
      lines: [
        'time,user,client,method,url,bytes',
        '07:41:12Z,a.visser,10.20.7.19,GET,http://login-acme.example/sso,18233',
        '07:41:40Z,a.visser,10.20.7.19,POST,http://login-acme.example/sso,412',
        '07:44:03Z,t.öz,10.20.9.80,GET,http://login-acme.example/sso,18233',
        '07:44:31Z,t.öz,10.20.9.80,POST,http://login-acme.example/sso,409',
        '08:02:55Z,k.smit,10.20.3.4,POST,http://login-acme.example/sso,415',
      ],
    },
  },
  {
    ticketId: 'IN41200275',
    status: 'Active',
    priority: 'HIGH',
    symptomDescription: 'VPN brute force from 198.51.100.0/24, one login succeeded',
    detailedDescription: text(
      'Summary:',
      '4,118 failed logins at ACME-VPN-02 in 40 minutes for 61 accounts, then a success for "svc-backup".',
      rule,
      'Action: disable svc-backup, review what it did since 02:37 UTC, ask for a second factor on the VPN.',
    ),
    category: 'Authentication',
    categoryType: 'Brute Force',
    openedAgo: 300,
    changedAgo: 95,
    devices: ['ACME-VPN-02'],
    worklogs: [
      {
        ...soc,
        ago: 95,
        description: 'No login of svc-backup is left open. Source addresses are on the block list.',
      },
      { ...customer, ago: 240, description: 'svc-backup disabled.' },
      opened(300, 'IN41200275'),
    ],
  },
  {
    ticketId: 'IN41200320',
    status: 'New',
    priority: 'CRITICAL',
    symptomDescription: 'Possible ransomware staging on ACME-FS-03: shadow copies deleted',
    detailedDescription: text(
      'Summary:',
      'vssadmin.exe delete shadows /all /quiet ran on ACME-FS-03 as ACME\\adm-lopez, from PsExec.',
      'Two minutes later a scheduled task "Updater" was made on 6 servers.',
      rule,
      'Action: disconnect the six servers now, keep them powered on, call the incident line.',
    ),
    category: 'Malware',
    categoryType: 'Ransomware',
    openedAgo: 9,
    changedAgo: 9,
    devices: ['ACME-FS-03', 'ACME-FS-04', 'ACME-SQL-01', 'ACME-SQL-02', 'ACME-APP-11', 'ACME-DC-02'],
    worklogs: [opened(9, 'IN41200320')],
    // Listed, and no longer there: what becomes of a file that can't be had.
    more: { attachmentInfo: [{ id: '1990001', name: 'withdrawn-sample.zip' }] },
  },
  {
    ticketId: 'IN41200254',
    status: 'Queued',
    priority: 'MEDIUM',
    symptomDescription: 'Unusual upload of 38 GB to a file sharing site',
    detailedDescription: text(
      'Summary:',
      'ACME-WS-0218 sent 38.2 GB to files.share.example (192.0.2.144) between 22:05 and 01:50 UTC.',
      'The user is on the list of leavers of this month.',
      rule,
      'Action: ask the line manager and HR before the user is spoken to.',
    ),
    category: 'Policy',
    categoryType: 'Data Exfiltration',
    openedAgo: 340,
    changedAgo: 130,
    devices: ['ACME-WS-0218'],
    worklogs: [
      { ...customer, ago: 130, description: 'HR wants the list of file names — is that in the logs?' },
      opened(340, 'IN41200254'),
    ],
    more: { responsibleParty: 'SOC' },
  },
  {
    ticketId: 'IN41200187',
    status: 'Pending',
    priority: 'LOW',
    symptomDescription: 'Internal port scan from ACME-SCAN-01',
    detailedDescription: text(
      'Summary:',
      '10.20.250.9 scanned 10.20.0.0/16 on 22, 445 and 3389. The device looks like a vulnerability scanner.',
      rule,
      'Action: confirm that the scan was planned.',
    ),
    category: 'Reconnaissance',
    categoryType: 'Port Scan',
    openedAgo: 1500,
    changedAgo: 60,
    devices: ['ACME-SCAN-01'],
    worklogs: [
      {
        ...soc,
        ago: 60,
        description: 'The scan is over. Please close this ticket if it was yours ("Authorized/Expected").',
      },
      { ...customer, ago: 80, description: 'That is our monthly scan, change CHG-2207.' },
      opened(1500, 'IN41200187'),
    ],
    more: { reason: 'Cust. Feedback-Auto-Close', externalTicketNum: 'CHG-2207' },
  },
  {
    ticketId: 'IN41200301',
    status: 'Active',
    priority: 'HIGH',
    symptomDescription: 'MASTER: exploitation of the mail gateway (CVE in the web console)',
    detailedDescription: text(
      'Summary:',
      'Several customers see requests to /console/..;/admin that end in a web shell.',
      'This is the master ticket: it collects what belongs together and is closed by the SOC.',
    ),
    category: 'Vulnerability',
    categoryType: 'Exploitation',
    openedAgo: 200,
    changedAgo: 45,
    worklogs: [
      { ...soc, ago: 45, description: 'Vendor patch 9.4.1 is out. Child tickets name the hosts.' },
      opened(200, 'IN41200301'),
    ],
    more: { isGlobalParent: true, relatedTickets: [{ ticketRef: [relatedTo('IN41200302', 'Child')] }] },
  },
  {
    ticketId: 'IN41200302',
    status: 'Active',
    priority: 'HIGH',
    symptomDescription: 'Web shell on ACME-MX-01 (child of IN41200301)',
    detailedDescription: text(
      'Summary:',
      'POST /console/..;/admin/x.jsp from 198.51.100.23 was answered with 200; x.jsp is 1,204 bytes.',
      rule,
      'Action: take the file away, patch to 9.4.1, change the secrets that the gateway knows.',
    ),
    category: 'Vulnerability',
    categoryType: 'Exploitation',
    categoryItem: 'Web Shell',
    openedAgo: 195,
    changedAgo: 40,
    devices: ['ACME-MX-01'],
    worklogs: [
      { ...soc, ago: 40, description: 'No outbound connection of the web shell was seen so far.' },
      opened(195, 'IN41200302'),
    ],
    more: { isGlobalChild: true, relatedTickets: [{ ticketRef: [relatedTo('IN41200301', 'Parent')] }] },
  },
]
