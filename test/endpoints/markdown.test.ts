import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatEndpoint } from '../../src/endpoints/endpoint-table.ts';
import { parseEndpointDocument } from '../../src/endpoints/markdown.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';

/** What a document asks for: `line endpoint ports`. */
function read(markdown: string): string[] {
  return parseEndpointDocument(markdown).endpoints.map(
    ({ host, path, ports, line }) => `${line} ${formatHostPattern(host)}${path ?? ''} ${ports}`,
  );
}

function found(markdown: string): string[] {
  return parseEndpointDocument(markdown).findings.map(({ rule, where }) => `${where} ${rule}`);
}

describe('the forms of tables', () => {
  test('of 2020: no port column, host:port, <br>, escaped and bare asterisks', () => {
    expect(
      read(`# Letting the widget out

Prose with a | pipe in it.

| URL | What for |
| --- | --- |
| \\*.widget.example<br>\\*.bus.example | The widget's own traffic |
| crl.example.com:80<br>ocsp.example.com:80 | Certificates |
| login.example.net<br>*.signin.example<br/>ctl.example.org:80 | Registering |
`),
    ).toEqual([
      '7 *.widget.example 443',
      '7 *.bus.example 443',
      '8 crl.example.com 80',
      '8 ocsp.example.com 80',
      '9 login.example.net 443',
      '9 *.signin.example 443',
      '9 ctl.example.org 80',
    ]);
  });

  test('of later years: a port column, code spans, a trailing <br>, a path', () => {
    expect(
      read(`| URL | Port | What for |
|:----|:----:|---------:|
| \`*.widget.example\` <br> \`*.bus.example\` | 443/HTTPS | Traffic |
| \`crl.example.com\` <br> \`ocsp.example.com\`<br> | 80/HTTP   | Certificates |
| &ast;.signin.example<br />&#42;.pages.example<br>www.example.com/pki | HTTPS | Registering |
| ctl.example.org | 80, 443/HTTPS, 9350 - 9354 | Lists |
`),
    ).toEqual([
      '3 *.widget.example 443',
      '3 *.bus.example 443',
      '4 crl.example.com 80',
      '4 ocsp.example.com 80',
      '5 *.signin.example 443',
      '5 *.pages.example 443',
      '5 www.example.com/pki 443',
      '6 ctl.example.org 80,443,9350-9354',
    ]);
  });

  test('as rendered pages are turned back: code spans with nothing between them', () => {
    expect(
      read(
        '| URL | Port |\n| --- | --- |\n| `*.widget.example``*.bus.example``www.example.com/pki` | 443/HTTPS |',
      ),
    ).toEqual(['3 *.widget.example 443', '3 *.bus.example 443', '3 www.example.com/pki 443']);
  });

  test('of the government article: </br>, numeric entities, no outer pipe at the end, CRLF', () => {
    expect(
      read(
        '|URL |What for|\r\n|-----|-----|\r\n|&#42;.widget.example</br>&#x2A;.bus.example| x|\r\n|`crl.example.com:80` </br>`ocsp.example.com:80` | y\r\n',
      ),
    ).toEqual([
      '3 *.widget.example 443',
      '3 *.bus.example 443',
      '4 crl.example.com 80',
      '4 ocsp.example.com 80',
    ]);
  });

  test('in lists and quotations, with links, bold type, commas, no outer pipes, in any column', () => {
    expect(
      read(`1. Do this:

   > Port | Purpose | Destination host
   > --- | --- | ---
   > 443 | x | [a.example](https://docs.example/a), **b.example** and <https://c.example>
`),
    ).toEqual(['5 a.example 443', '5 b.example 443', '5 c.example 443']);
  });

  test('an own port wins over the column, a scheme over nothing', () => {
    expect(
      read(`| Address | Port |
| --- | --- |
| a.example:8080 b.example http://c.example | 443 |
| http://d.example https://e.example/ http://f.example:81/x | |
`),
    ).toEqual([
      '3 a.example 8080',
      '3 b.example 443',
      '3 c.example 443',
      '4 d.example 80',
      '4 e.example 443',
      '4 f.example/x 81',
    ]);
  });

  test.each([
    ['| Protocol | Endpoint URL |', '| TLS 1.2 | a.example |', '443'],
    ['| Protocol | Endpoint URL |', '| TLSv1.2/HTTPS/HTTP | a.example |', '80,443'],
    ['| Protocol | Endpoint URL |', '| HTTP | a.example |', '80'],
    ['| Address:Port | For |', '| a.example:8443 | all |', '8443'],
    ['| Address:Port | For |', '| a.example | all |', '443'],
  ])('a version of TLS is no port, and the column of hosts can have them: %s %s', (head, row, ports) => {
    const { endpoints, findings } = parseEndpointDocument(`${head}\n| --- | --- |\n${row}\n`);
    expect(endpoints.map((one) => `${one.host.name} ${one.ports}`)).toEqual([`a.example ${ports}`]);
    expect(findings).toEqual([]);
  });

  test('a protocol beside the ports is theirs', () => {
    expect(
      read(`| Address | Port |
| --- | --- |
| a.example | UDP 1194 |
| b.example | 123/UDP |
| c.example | TCP/UDP: 443, 3478-3481 |
| d.example | TCP 9350-9354 |
`),
    ).toEqual([
      '3 a.example 1194/udp',
      '4 b.example 123/udp',
      '5 c.example 443,3478-3481,443/udp,3478-3481/udp',
      '6 d.example 9350-9354',
    ]);
  });
});

test('placeholders, emphasis, alternatives, tags, ranges, wildcards in a label, and a column of protocols', () => {
  const { endpoints, addresses, findings } = parseEndpointDocument(
    `| Destination | Protocol | Port | Use |
| --- | --- | --- | --- |
| **\`AzureCloud.<Region>:1194\`** <br/> *Or* <br/> [tag](/x) **\`Storage\`** | UDP | 1194 | Tunnel |
| **\`ntp.example.com:123\`** or *\`time.example.com\`* | UDP | 123 | Time |
| **\`*.hcp.<location>.widget.example\`**, **\`{your workspace}.widget.example\`** | | **\`HTTPS:443\`** | x |
| azgn*.bus.example &lt;region&gt;.wid.example | HTTPS | | x |
| 198.51.100.0/24<br>2001:db8::/32 | TCP | 80, 8080 | x |
`,
    new Set(),
    new Set(['Storage']),
  );
  expect(endpoints.map((one) => `${one.line} ${formatEndpoint(one)} ${one.ports}`)).toEqual([
    '4 ntp.example.com 123/udp',
    '4 time.example.com 123/udp',
    '5 *.hcp.<location>.widget.example 443',
    '5 <your-workspace>.widget.example 443',
    '6 azgn*.bus.example 443',
    '6 <region>.wid.example 443',
  ]);
  expect(
    addresses.map(({ line, what, isTag, ports }) => `${line} ${isTag ? 'tag ' : ''}${what} ${ports}`),
  ).toEqual([
    '3 tag AzureCloud.<region> 1194/udp',
    '3 tag Storage 1194/udp',
    '7 198.51.100.0/24 80,8080',
    '7 2001:db8::/32 80,8080',
  ]);
  expect(findings).toEqual([]);
});

test('the column that has the hosts, whatever heads it', () => {
  expect(
    read(`| Agent resource | When | Endpoint used with private link |
| --- | --- | --- |
| \`aka.example\` | While installing, as [docs](https://x.example) say | Public |
| \`*.<region>.data.example\` <sup>1</sup> | Always | Private |
`),
  ).toEqual(['3 aka.example 443', '4 *.<region>.data.example 443']);
});

describe('what is no table of endpoints', () => {
  test.each([
    ['nothing', ''],
    ['prose', 'Allow a.example | b.example.'],
    ['a table of ports', '| Port number | What for |\n| --- | --- |\n| 80 | Lists, as a.example has them |'],
    [
      'a column of destination ports',
      '| Destination port | What for |\n| --- | --- |\n| 80 | Lists, as a.example has them |',
    ],
    ['fenced code', '```\n| URL | x |\n| --- | --- |\n| a.example | y |\n```'],
    ['an unclosed fence', '~~~~ text\n~~~\n| URL | x |\n| --- | --- |\n| a.example | y |'],
    ['no row of dashes', '| URL | x |\n| a.example | y |'],
  ])('%s', (_, markdown) => {
    expect(parseEndpointDocument(markdown)).toEqual({
      endpoints: [],
      addresses: [],
      findings: [],
      tables: [],
    });
  });

  test('several tables are told apart by their header lines', () => {
    const table = '| URL | x |\n| --- | --- |\n| a.example | y |\n\n';
    expect(parseEndpointDocument(`${table}text\n\n${table}`).tables).toEqual([1, 7]);
  });
});

describe('the lint of a document', () => {
  const row = (hosts: string, port = '443') => `| URL | Port |\n| --- | --- |\n| ${hosts} | ${port} |`;

  test.each([
    ['ctdl.windowsupdate.com:80', ['line 3 misprint']],
    ['ctldl.windowsupdate.com:80', []],
    ['\\*.crl3.digicert.com', ['line 3 wildcard']],
    ['a.example/pki', ['line 3 path']],
    ['http://a.example', ['line 3 scheme']],
    ['https://a.example/', ['line 3 scheme', 'line 3 path']],
    ['a.*.example', ['line 3 unread']],
    ['<tenant>.onmicrosoft.com', []],
    ['a.example (only once)', []],
    ['(only once)', ['line 3 unread']],
    ['192.0.2.1', []],
    ['192.0.2.1/24', ['line 3 unread']],
    ['`RegionCIDRs:1194`', ['line 3 unread']],
    ['a.example:70000', ['line 3 unread']],
    ['a.example:*', ['line 3 unread']],
  ])('%s: %j', (hosts, expected) => {
    expect(found(row(hosts))).toEqual(expected);
  });

  test('says so when a port column cannot be read', () => {
    expect(found(row('a.example', 'any'))).toEqual(['line 3 unread']);
    expect(found(row('a.example', '0'))).toEqual(['line 3 unread']);
    expect(found(row('a.example', ''))).toEqual([]);
  });
});

test('every way of writing a table says the same', () => {
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const endpoint = fc.record({
    wildcard: fc.boolean(),
    name: fc.tuple(label, label).map((labels) => `${labels.join('.')}.example`),
    path: fc.option(fc.stringMatching(/^\/[a-z0-9-]{1,8}$/), { nil: '' }),
    port: fc.integer({ min: 1, max: 65535 }),
  });
  const asterisk = fc.constantFrom('*', '\\*', '&#42;', '&#x2a;', '&ast;');
  const between = fc.constantFrom('<br>', '<br/>', ' </br> ', ' ', ', ');
  const eol = fc.constantFrom('\n', '\r\n');
  fc.assert(
    fc.property(
      fc.array(fc.array(endpoint, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }),
      fc.record({ asterisk, between, eol, code: fc.boolean(), column: fc.boolean(), outer: fc.boolean() }),
      (rows, form) => {
        const lines = rows.map((row) => {
          const hosts = row.map(({ wildcard, name, path, port }) => {
            const star = form.code ? '*' : form.asterisk;
            const text = `${wildcard ? `${star}.` : ''}${name}${form.column ? '' : `:${port}`}${path}`;
            return form.code ? `\`${text}\`` : text;
          });
          const cells = [hosts.join(form.between), ...(form.column ? [`${row[0]!.port}/TCP`] : []), 'x'];
          return form.outer ? `| ${cells.join(' | ')} |` : cells.join(' | ');
        });
        const header = form.column ? '| URL | Port | Use |\n| --- | --- | --- |' : '| URL | Use |\n|---|---|';
        const document = `text\n\n${header}\n${lines.join('\n')}\n\nmore`.replaceAll('\n', form.eol);
        const expected = rows.flatMap((row, place) =>
          row.map(
            ({ wildcard, name, path, port }) =>
              `${place + 5} ${wildcard ? '*.' : ''}${name}${path} ${form.column ? row[0]!.port : port}`,
          ),
        );
        expect(read(document)).toEqual(expected);
      },
    ),
  );
});

test('no text makes it throw', () => {
  const piece = fc.constantFrom(
    '|',
    '---',
    '\n',
    '`',
    '<br>',
    '*',
    '\\',
    '&#42;',
    '&#99999999;',
    'URL',
    'a.example',
    ':80',
    '/',
    '[',
    '](',
    '```',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 60 }), (pieces) => {
      parseEndpointDocument(`| URL |\n| --- |\n|${pieces.join('')}`);
    }),
  );
});
