import { DOMImplementation, DOMParser, type Document, type Element, XMLSerializer } from '@xmldom/xmldom';
import { deviceTexts } from './device-line.ts';
import type { Review } from './review.ts';
import { sentence, summarise } from './summary.ts';
import { verdict } from './verdict.ts';

const ATOM = 'http://www.w3.org/2005/Atom';

/** How many changes the feed keeps: a year of weeks. */
const ENTRIES = 52;

/** What an entry needs beside the review. */
export interface AtomOptions {
  /** SHA-256 of the policy, in hex: it tells two changes of one weekly file apart. */
  readonly digest: string;
  /** Where people find the output tree. */
  readonly link: string | undefined;
}

/**
 * Adds a change to an Atom feed (RFC 4287), newest first. Its dates are those of the weekly files: the same change makes
 * the same bytes on every machine.
 * @param last the feed as it was committed; one that cannot be read is begun anew
 */
export function addToAtom(last: string | undefined, review: Review, { digest, link }: AtomOptions): string {
  const kept = last === undefined ? [] : entriesOf(last);
  const { fileDate, changeNumber } = review.feed.after;
  // A file without a date is told by the change before it.
  const updated =
    fileDate === undefined ? (updatedOf(kept[0]) ?? '1970-01-01T00:00:00Z') : `${fileDate}T00:00:00Z`;
  const document = new DOMImplementation().createDocument(ATOM, 'feed');
  const feed = document.documentElement!;
  append(feed, 'id', 'urn:azure-allowlist:changes');
  append(feed, 'title', 'Changes of the Azure allowlist');
  append(feed, 'updated', updated);
  append(append(feed, 'author'), 'name', 'azure-allowlist');
  if (link !== undefined) append(feed, 'link').setAttribute('href', link);
  const id = `urn:azure-allowlist:${review.feed.after.cloud}:${changeNumber}:${digest}`;
  const entry = append(feed, 'entry');
  append(entry, 'id', id);
  append(entry, 'title', summarise(review));
  append(entry, 'updated', updated);
  if (link !== undefined) append(entry, 'link').setAttribute('href', link);
  append(entry, 'category').setAttribute('term', verdict(review).level);
  append(
    entry,
    'content',
    [sentence(review), verdict(review).text, ...deviceTexts(review.targets)].join('\n'),
  ).setAttribute('type', 'text');
  for (const one of kept.filter((other) => textOf(other, 'id') !== id).slice(0, ENTRIES - 1))
    feed.appendChild(document.importNode(one, true));
  return `<?xml version="1.0" encoding="utf-8"?>\n${indented(document)}\n`;
}

function append(parent: Element, name: string, text?: string): Element {
  const document = parent.ownerDocument!;
  const element = document.createElementNS(ATOM, name);
  if (text !== undefined) element.appendChild(document.createTextNode(text));
  parent.appendChild(element);
  return element;
}

function entriesOf(text: string): Element[] {
  try {
    const document = new DOMParser({
      onError: (_, message) => {
        throw new Error(message);
      },
    }).parseFromString(text, 'application/xml');
    return [...document.getElementsByTagNameNS(ATOM, 'entry')];
  } catch {
    return [];
  }
}

function updatedOf(entry: Element | undefined): string | undefined {
  return entry === undefined ? undefined : textOf(entry, 'updated');
}

function textOf(entry: Element, name: string): string | undefined {
  return entry.getElementsByTagNameNS(ATOM, name)[0]?.textContent ?? undefined;
}

/** An element a line, so that a difference shows the entry that is new and no other. */
function indented(document: Document): string {
  return new XMLSerializer()
    .serializeToString(document)
    .replace(/\n? *<(entry|id|title|updated|author|link|category|content)\b/g, '\n<$1')
    .replace(/\s*<\/(entry|feed)>/g, '\n</$1>');
}
