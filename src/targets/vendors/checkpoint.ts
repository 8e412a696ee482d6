import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { ConfigurationError } from '../../problem.ts';
import { EntryGroup, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { commentsIn, documentBesideAbout, readDocument } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

/** The namespace of the ids, a UUID of this target's own. */
const NAMESPACE = Buffer.from('8d5c3a2e6f714b0e9a4dc0f1b2a39e57', 'hex');

/** The id of an object, the same in every week: a UUID of version 5 after its name. */
function idOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What this target writes of a Generic Data Center, and nothing else. */
const schema = z.strictObject({
  version: z.literal('1.0'),
  description: z.literal('azure-allowlist'),
  objects: z.array(
    z.strictObject({
      name: z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv[46]$/),
      id: z.string(),
      description: z.string(),
      ranges: z.array(z.string()).min(1),
    }),
  ),
});

const DATA_CENTER = 'azure.json';
const FEEDS = 'network-feeds.csv';

/** The first line of a batch: what each column is an argument of. */
const FEEDS_HEAD = 'name,feed-url,feed-format,feed-type,update-interval,ignore-lines-that-start-with';

export const vendor: Vendor = {
  extendView: (view) => {
    const { form, baseUrl } = view.options;
    const isFeeds = form === 'network-feeds';
    if (isFeeds && baseUrl === '')
      throw new ConfigurationError('targets.checkpoint: form network-feeds needs baseUrl');
    return {
      ...view,
      objects: view.addressLists.map((list) => ({ ...list, uuid: idOf(`azure-${list.id}`) })),
      dataCenters: isFeeds ? [] : [{ path: DATA_CENTER }],
      feeds: isFeeds ? view.addressLists : [],
      batches: isFeeds
        ? [
            {
              path: FEEDS,
              lines: [FEEDS_HEAD, ...view.addressLists.map(({ id }) => feedOf(id, `${baseUrl}`))],
            },
          ]
        : [],
    };
  },
  readBack: (files) =>
    Admission.union(
      [...listsIn(files).values()].map((addresses) =>
        Admission.addresses(addresses, PortSet.allOf(['tcp', 'udp'])),
      ),
    ),
  readLists: listsIn,
  readSettings: (files) => {
    if (!isOfFeeds(files)) return { form: 'data-center' };
    const { urls } = feedsIn(files);
    return { form: 'network-feeds', ...(urls[0] === undefined ? {} : { baseUrl: urls[0] }) };
  },
};

const isOfFeeds = (files: readonly RuleFile[]) => files.some(({ path }) => path === FEEDS);

/** What each object or feed holds, by the `id` of its address list. */
function listsIn(files: readonly RuleFile[]): ReadonlyMap<string, DualStackSet> {
  return isOfFeeds(files) ? feedsIn(files).lists : objectsIn(files);
}

/** The line of the batch that makes a network feed. */
function feedOf(id: string, baseUrl: string): string {
  return `azure-${id},${baseUrl}/azure-${id}.txt,Flat List,IP Address,60,#`;
}

/** The network feeds: each is made once by the batch, and has a list of its own. */
const feedsIn = readOnce((files: readonly RuleFile[]) => {
  commentsIn(files, 'about.txt');
  const [head, ...lines] = files.find(({ path }) => path === FEEDS)!.text.split('\n');
  if (head !== FEEDS_HEAD || lines.pop() !== '')
    throw new ReadBackError(`${FEEDS}: does not begin with ${FEEDS_HEAD}, or does not end with a line`);
  const feeds = lines.map((line, index) =>
    readAt(`${FEEDS}:${index + 2}`, () => {
      const [, id, url] = /^azure-([a-z][a-z0-9-]*-ipv[46]),(https:\/\/[^,]+)\/[^/,]+,/.exec(line) ?? [];
      if (id === undefined || line !== feedOf(id, url!))
        throw new RangeError(`not a network feed: ${JSON.stringify(line)}`);
      return { id, url: url! };
    }),
  );
  const urls = [...new Set(feeds.map(({ url }) => url))];
  if (urls.length > 1) throw new ReadBackError(`${FEEDS}: the lists are served at different places`);
  const expected = ['about.txt', FEEDS, ...feeds.map(({ id }) => `azure-${id}.txt`)].sort().join();
  const found = files
    .map(({ path }) => path)
    .sort()
    .join();
  if (found !== expected) throw new ReadBackError(`${expected} are expected, not ${found}`);
  const lists = feeds.map(({ id }) => {
    const { path, text } = files.find((file) => file.path === `azure-${id}.txt`)!;
    const prefixes = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return [id, readAt(path, () => EntryGroup.list(id.endsWith('4') ? 4 : 6, prefixes, path))] as const;
  });
  return { urls, lists: new Map(lists) };
});

/** What each object of the data center holds, by the `id` of its address list. */
function objectsIn(files: readonly RuleFile[]): ReadonlyMap<string, DualStackSet> {
  const { objects } = readDocument(documentBesideAbout(files, 'azure.json'), schema);
  const names = objects.map(({ name }) => name);
  return new Map(
    objects.map(({ name, id, description, ranges }, index) =>
      readAt(`azure.json: ${name}`, () => {
        if (names.indexOf(name) < index) throw new RangeError('is listed twice');
        if (id !== idOf(name)) throw new RangeError(`${id} is not its id`);
        if (description !== `rule ${name.slice('azure-'.length, -'-ipv4'.length)}`)
          throw new RangeError(`${description} is not its description`);
        return [name.slice('azure-'.length), EntryGroup.list(name.endsWith('4') ? 4 : 6, ranges, name)];
      }),
    ),
  );
}
