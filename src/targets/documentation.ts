import { markdownTable } from '../markdown-table.ts';
import { digits } from '../numbers.ts';
import type { Evidence, Manifest } from './manifest.ts';

/*
 * What the documents say of targets and templates, made from the manifests and from the source of the view
 * model, so that they cannot say anything else.
 */

/** `docs/targets.md`: the matrix of capabilities, and a section a target. */
export function targetsDocument(manifests: readonly Manifest[]): string {
  return `${[
    '# Targets',
    '',
    'Generated from the manifests under `templates` by `npm run docs`; `azure-allowlist targets` prints the essentials.',
    '',
    'What a target cannot express becomes a declared omission or widening in the header of its files, in the lock and in the',
    'review. Nothing is dropped or added in silence. A capability that a manifest does not declare is "no".',
    '',
    markdownTable([
      [
        'Target',
        'IPv4',
        'IPv6',
        'Names',
        'Names match',
        '`*.x` without `x`',
        'Ports',
        'Addresses match',
        'Clients',
        'TLS exemption',
        'At most',
        'Loaded by',
      ],
      ...manifests.map(({ id, loaded, limits, capabilities: can }) => [
        `[${id}](#${id})`,
        yes(can.ipv4),
        yes(can.ipv6),
        { none: 'no', exact: 'whole names', suffix: 'with subdomains' }[can.names],
        namesMatch(can),
        can.names === 'suffix' ? yes(can.apex === 'separate') : '-',
        can.ports ? can.protocols.join(', ').toUpperCase() : 'no',
        { destination: 'the destination', literal: 'hosts written as an address' }[can.addressMatch],
        { none: 'no', any: 'yes', 'same-family': 'of the same family' }[can.clients],
        yes(can.tlsExemption),
        limitsInWords(limits),
        loaded ?? '-',
      ]),
    ]),
    '',
    ...manifests.flatMap(section),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** What a name is compared with, and on which ports. */
function namesMatch({ names, namesBy, namePorts }: Manifest['capabilities']): string {
  if (names === 'none') return '-';
  const by = namesBy.map((one) => NAMES_BY[one]).join('; ');
  return namePorts === undefined ? by : `${by}; on port ${namePorts} only`;
}

const NAMES_BY: Readonly<Record<Manifest['capabilities']['namesBy'][number], string>> = {
  answers: 'the addresses in answers of DNS',
  request: 'CONNECT or URL of a proxy request',
  tls: 'the server name of TLS',
  host: 'the Host header of HTTP',
  url: 'the URL that a client asks for',
  category: 'Host header or TLS, as a URL category',
  query: 'the look-up itself',
  list: 'nothing: a list for others',
};

function section(manifest: Manifest): string[] {
  const limits = Object.entries(manifest.limits).filter(([, limit]) => limit !== undefined);
  const options = Object.entries(manifest.options);
  return [
    `## ${manifest.id}`,
    '',
    `**${manifest.title}.** ${sentence(manifest.description)} How to install it: [README](../templates/${manifest.id}/README.md).`,
    '',
    markdownTable([
      ['File', 'One for each'],
      ...manifest.files.map(({ path, each }) => [
        `\`${path}\``,
        each === undefined ? '-' : `item of \`${each}\``,
      ]),
    ]),
    '',
    ...(options.length === 0
      ? []
      : [
          markdownTable([
            ['Option', 'Default', 'Meaning'],
            ...options.map(([name, option]) => [
              `\`${name}\``,
              option.default === undefined ? 'required' : `\`${JSON.stringify(option.default)}\``,
              `${option.description}${option.values === undefined ? '' : ` (${option.values.join(', ')})`}${option.example === undefined ? '' : `; for example \`${option.example}\``}`,
            ]),
          ]),
          '',
        ]),
    ...(limits.length === 0
      ? []
      : [`Limits: ${limits.map(([name, limit]) => `${LIMITS[name] ?? name} ${limit}`).join(', ')}.`, '']),
    ...(manifest.notes.length === 0 ? [] : [...manifest.notes.map((note) => `- ${note}`), '']),
    ...(manifest.evidence.length === 0
      ? []
      : [
          markdownTable([
            ['Claim', 'Source', 'Known how'],
            ...manifest.evidence.map((entry) => [entry.claim, `<${entry.url}>`, knownHow(entry)]),
          ]),
          '',
        ]),
  ];
}

/** `read 2026-11-28; measured with nginx 1.22.1, test/live/address-lists.test.ts`. */
function knownHow({ read, measured, unconfirmed, checked }: Evidence): string {
  return [
    read === undefined ? [] : `read ${read}`,
    measured === undefined ? [] : `measured with ${measured}`,
    unconfirmed === undefined ? [] : `not confirmed by a document (${unconfirmed})`,
    checked === undefined ? [] : `checked ${checked}`,
  ]
    .flat()
    .join('; ');
}

/** What a device takes of prefixes and bytes: the lengths of names and lines are in the section of the target. */
function limitsInWords({ entries, members, fileBytes }: Manifest['limits']): string {
  const parts = [
    ...(entries === undefined ? [] : [`${digits(entries)} addresses and prefixes`]),
    ...(members === undefined ? [] : [`${digits(members)} in a list`]),
    ...(fileBytes === undefined ? [] : [`${digits(fileBytes)} bytes a file`]),
  ];
  return parts.join('; ') || '-';
}

const LIMITS: Readonly<Record<string, string>> = {
  entries: 'address entries',
  members: 'members of a group',
  nameLength: 'characters of an object name',
  lineLength: 'characters of a line',
  fileBytes: 'bytes of a file',
};

/**
 * The part of `docs/templates.md` that describes the view model, from the text of `view.ts`: its exported
 * interfaces, the whole view first, with what their comments say.
 */
export function viewModelTables(source: string): string {
  const interfaces = [
    ...source.matchAll(
      /\/\*\* (?<about>[^*]*(?:\*(?!\/)[^*]*)*) \*\/\nexport interface (?<name>\w+)(?: extends (?<base>\w+))? \{\n(?<body>[\s\S]*?)\n\}/g,
    ),
  ].map(({ groups }) => groups as { about: string; name: string; base?: string; body: string });
  const first = interfaces.findIndex(({ name }) => name === 'View');
  const ordered = [...interfaces.splice(first, 1), ...interfaces.reverse()];
  return ordered
    .map(({ about, name, base, body }) => {
      const fields = [
        ...body.matchAll(/\/\*\* (?<meaning>.*) \*\/\n {2}readonly (?<field>\w+): (?<type>.*);/g),
      ].map(({ groups }) => groups as { meaning: string; field: string; type: string });
      if (fields.length !== (body.match(/^ {2}readonly /gm) ?? []).length)
        throw new TypeError(`view.ts: a field of ${name} has no comment`);
      return [
        `### ${name}`,
        '',
        base === undefined ? about : `${about} It has the fields of ${typeText(base)} and these:`,
        '',
        markdownTable([
          ['Field', 'Type', 'Meaning'],
          ...fields.map(({ field, type, meaning }) => [`\`${field}\``, typeText(type), meaning]),
        ]),
      ].join('\n');
    })
    .join('\n\n');
}

function typeText(type: string): string {
  return type
    .replace(/Readonly<Record<string, (.*)>>/, 'object of $1')
    .replace(/^readonly (\w+)\[\]$/, 'array of $1')
    .replace(/(\w+View)\b/g, (name) => `[${name}](#${name.toLowerCase()})`);
}

/**
 * Puts generated text between `<!-- NAME: … -->` and `<!-- end of NAME -->`.
 * @throws TypeError if the document has no such place
 */
export function replaceGenerated(document: string, name: string, generated: string): string {
  const place = new RegExp(`(<!-- ${name}: [^\n]*-->\n)[\\s\\S]*?(\n<!-- end of ${name} -->)`);
  if (!place.test(document)) throw new TypeError(`there is no place for ${name}`);
  return document.replace(place, (_, start: string, end: string) => `${start}\n${generated}\n${end}`);
}

function yes(can: boolean): string {
  return can ? 'yes' : 'no';
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
