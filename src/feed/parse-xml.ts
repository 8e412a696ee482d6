import { AddressSyntaxError } from '../net/address.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../net/prefix.ts';
import { FeedError, type Problem } from '../problem.ts';
import { contentDigest } from './content-digest.ts';
import { fileDateOf } from './file-date.ts';
import { decodeText, NotJsonError, quote } from './json-text.ts';
import { createServiceTag, TAG_NAME } from './parse.ts';
import type { Cloud, ServiceTag, Snapshot } from './snapshot.ts';

/** Whether text is the older XML form, by its content and not by its name. */
export function isPublicIpsXml(text: string): boolean {
  return /^\s*(?:<\?xml[^>]*\?>\s*)?<AzurePublicIpAddresses[\s>]/.test(text.slice(0, 1000));
}

/** One token of the form: an XML declaration, an opening, closing or empty element, or white space. */
const TOKEN = /<\?xml[^<>]*\?>|<(\/?)(\w+)((?:\s+[\w:]+="[^"<>]*")*)\s*(\/?)>|\s+/y;

/**
 * Parses the PublicIPs form that ended in 2020 (IPv4 only, public cloud only): each region becomes the tag
 * `AzureCloud.<region>`. It has no change numbers; they are 0.
 * @throws FeedError with every problem, each with its line and value
 */
export function parsePublicIpsXml(content: string | Uint8Array, where: string, expected?: Cloud): Snapshot {
  const text = decodeText(content, where);
  if (!isPublicIpsXml(text))
    throw new NotJsonError('the feed is not usable', [
      { where, what: 'the content is no AzurePublicIpAddresses' },
    ]);
  const problems: Problem[] = [];
  if (expected !== undefined && expected !== 'public')
    problems.push({ where, what: `the XML form is of the cloud public, but ${expected} was asked for` });
  const tags = readRegions(text, problems);
  if (problems.length > 0)
    throw new FeedError(
      `the feed is not usable: ${problems.length === 1 ? 'a problem' : `${problems.length} problems`} in ${where}`,
      problems,
    );
  return {
    cloud: 'public',
    changeNumber: 0,
    fileDate: fileDateOf(where),
    contentSha256: contentDigest('public', tags.values()),
    tags,
    unknownFields: 0,
  };
}

function readRegions(text: string, problems: Problem[]): ReadonlyMap<string, ServiceTag> {
  const tags = new Map<string, ServiceTag>();
  let line = 1;
  let depth: 'outside' | 'root' | 'region' | 'done' = 'outside';
  let region: { readonly name: string; readonly prefixes: Map<string, Prefix> } | undefined;
  const problem = (what: string) => problems.push({ where: `line ${line}`, what });
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      problem(`${quote(text.slice(at, at + 60))} is not expected here`);
      return tags;
    }
    const [token, closing, element, attributes = '', empty] = match;
    if (element !== undefined) {
      const spelt = `${closing}${element}${empty}`;
      const attribute = (name: string) => new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
      if (depth === 'outside' && spelt === 'AzurePublicIpAddresses') depth = 'root';
      else if (depth === 'root' && spelt === '/AzurePublicIpAddresses') depth = 'done';
      else if (depth === 'root' && (spelt === 'Region' || spelt === 'Region/')) {
        region = { name: `AzureCloud.${attribute('Name') ?? ''}`, prefixes: new Map() };
        if (!TAG_NAME.test(region.name))
          problem(`the region name ${quote(attribute('Name') ?? '')} is not allowed`);
        if (tags.has(region.name)) problem(`${quote(region.name)} occurs twice`);
        tags.set(region.name, createServiceTag(tagOf(region.name), []));
        if (spelt === 'Region') depth = 'region';
      } else if (depth === 'region' && spelt === 'IpRange/') {
        addPrefix(region!, attribute('Subnet') ?? '', problem);
      } else if (depth === 'region' && spelt === '/Region') {
        tags.set(region!.name, createServiceTag(tagOf(region!.name), [...region!.prefixes.values()]));
        depth = 'root';
      } else {
        problem(`<${spelt}> is not expected here`);
        return tags;
      }
    } else if (token.trim() !== '' && (depth !== 'outside' || at !== 0)) {
      problem('an XML declaration may only stand at the beginning');
      return tags;
    }
    line += token.split('\n').length - 1;
  }
  if (depth !== 'done') problem('the document ends too early');
  else if (tags.size === 0) problem('the file has no regions');
  return tags;
}

function addPrefix(
  { name, prefixes }: { readonly name: string; readonly prefixes: Map<string, Prefix> },
  text: string,
  problem: (what: string) => void,
): void {
  try {
    const prefix = parsePrefix(text.slice(0, 64));
    if (formatPrefix(prefix) !== text) problem(`${quote(text)} is not canonical (${name})`);
    if (prefixes.has(text)) problem(`${quote(text)} occurs twice (${name})`);
    prefixes.set(text, prefix);
  } catch (error) {
    if (!(error instanceof AddressSyntaxError)) throw error;
    problem(`${error.message} (${name})`);
  }
}

function tagOf(name: string): Parameters<typeof createServiceTag>[0] {
  const region = name.slice('AzureCloud.'.length);
  return { name, id: name, changeNumber: 0, region, systemService: '', platform: 'Azure' };
}
