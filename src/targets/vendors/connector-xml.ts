import {
  DOMImplementation,
  DOMParser,
  type Element,
  onErrorStopParsing,
  XMLSerializer,
} from '@xmldom/xmldom';
import { ReadBackError } from '../read-back.ts';

/*
 * The `<system.net>` section of the connector's `.exe.config`, and the stylesheet that puts it into a file which has
 * other settings. All XML is made and read by a library: values are escaped by it and by nobody else.
 */

const XSL = 'http://www.w3.org/1999/XSL/Transform';

type Attributes = Readonly<Record<string, string>>;
type Tree = readonly [name: string, attributes: Attributes, children?: readonly Tree[]];

/** `<defaultProxy>` as the article has it: switched off, or naming the proxy. */
function defaultProxy(proxy: string): Tree {
  return proxy === 'none'
    ? ['defaultProxy', { enabled: 'false' }]
    : [
        'defaultProxy',
        {},
        [['proxy', { proxyaddress: proxy, bypassonlocal: 'True', usesystemdefault: 'True' }]],
      ];
}

/** A whole `.exe.config`, as the article lists it. */
export function writeConfig(proxy: string, trace: string): string {
  return write([
    'configuration',
    {},
    [
      ['system.net', {}, [defaultProxy(proxy)]],
      ['runtime', {}, [['gcServer', { enabled: 'true' }]]],
      ['appSettings', {}, [['add', { key: 'TraceFilename', value: trace }]]],
    ],
  ]);
}

/**
 * The stylesheet (XSLT 1.0) that puts the section into an existing `.exe.config` and leaves everything else as it is;
 * applied twice it changes nothing more.
 */
export function writeMerge(proxy: string): string {
  // Braces would be expressions within the attributes of a stylesheet.
  const escaped = proxy.replace(/[{}]/g, '$&$&');
  const copyAnd = (...added: readonly Tree[]): Tree => [
    'xsl:copy',
    {},
    [['xsl:apply-templates', { select: '@* | node()' }], ...added],
  ];
  return write([
    'xsl:stylesheet',
    { version: '1.0' },
    [
      ['xsl:output', { method: 'xml', encoding: 'utf-8' }],
      ['xsl:template', { match: '@* | node()' }, [copyAnd()]],
      ['xsl:template', { match: '/configuration/system.net/defaultProxy[1]' }, [defaultProxy(escaped)]],
      ['xsl:template', { match: '/configuration/system.net/defaultProxy[position() > 1]' }],
      [
        'xsl:template',
        { match: '/configuration/system.net[1][not(defaultProxy)]' },
        [copyAnd(defaultProxy(escaped))],
      ],
      [
        'xsl:template',
        { match: '/configuration[not(system.net)]' },
        [copyAnd(['system.net', {}, [defaultProxy(escaped)]])],
      ],
    ],
  ]);
}

/**
 * The proxy that a `.exe.config` or the stylesheet names, `none` where it is switched off.
 * @throws ReadBackError for text that is no XML, or that names none or more than one
 */
export function readProxy(text: string, path: string): string {
  let root: Element | null;
  try {
    root = new DOMParser({ onError: onErrorStopParsing }).parseFromString(text, 'text/xml').documentElement;
  } catch (error) {
    throw new ReadBackError(`${path}: no XML: ${(error as Error).message}`, [], { cause: error });
  }
  const found = new Set(
    Array.from(root?.getElementsByTagName('defaultProxy') ?? [], (element) => {
      const proxies = Array.from(element.getElementsByTagName('proxy'), (proxy) =>
        proxy.getAttribute('proxyaddress'),
      );
      if (element.getAttribute('enabled') === 'false' && proxies.length === 0) return 'none';
      return proxies.length === 1 && !element.hasAttribute('enabled') ? proxies[0] : undefined;
    }),
  );
  const [proxy, ...others] = found;
  if (proxy === undefined || proxy === null || others.length > 0)
    throw new ReadBackError(`${path}: just one proxy is expected, or none that is switched off`);
  return proxy;
}

function write(tree: Tree): string {
  const isStylesheet = tree[0].startsWith('xsl:');
  const document = new DOMImplementation().createDocument(isStylesheet ? XSL : null, tree[0]);
  const fill = (element: Element, [, attributes, children = []]: Tree, depth: number) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    for (const child of children) {
      const own = child[0].startsWith('xsl:')
        ? document.createElementNS(XSL, child[0])
        : document.createElement(child[0]);
      // Space within a template would get into what it makes.
      if (!isStylesheet || depth === 0)
        element.appendChild(document.createTextNode(`\n${'  '.repeat(depth + 1)}`));
      element.appendChild(own);
      fill(own, child, depth + 1);
    }
    if (children.length > 0 && (!isStylesheet || depth === 0))
      element.appendChild(document.createTextNode(`\n${'  '.repeat(depth)}`));
  };
  fill(document.documentElement!, tree, 0);
  return `<?xml version="1.0" encoding="utf-8"?>\n${new XMLSerializer().serializeToString(document)}\n`;
}
