import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import { formatAddress } from '../net/address.ts';
import type { AddressSet } from '../net/address-set.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { Admission } from '../policy/admission.ts';
import { clientTexts } from '../policy/clients.ts';
import type { Change, SpaceChange } from '../policy/diff/change.ts';
import { noteworthy } from '../policy/diff/notes.ts';
import { riskOfEffect, riskOfPolicy, riskOfRule, riskOfTag } from '../policy/diff/risk.ts';
import type { RuleDiff } from '../policy/diff/rules.ts';
import { deviceLines, plain } from './device-line.ts';
import { REVIEW_VERSION, type ReviewDocument } from './json-shape.ts';
import type { FeedWeek, Review } from './review.ts';
import { changesDevices, effectOfReview, sentence, summarise } from './summary.ts';
import type { DeclaredReview, TargetReview } from './targets.ts';
import { isLoud, verdict } from './verdict.ts';

/** The review as one JSON document by `schema/review.schema.json`; nothing is cut. */
export function writeJson(review: Review): string {
  return `${JSON.stringify(reviewDocument(review), null, 2)}\n`;
}

export function reviewDocument(review: Review): ReviewDocument {
  const { diff, feed } = review;
  return {
    format: 'azure-allowlist/review',
    version: REVIEW_VERSION,
    scope: review.scope,
    summary: { sentence: sentence(review), verdict: verdict(review), subject: summarise(review) },
    feed: {
      before: feed.before === undefined ? null : weekDocument(feed.before),
      after: weekDocument(feed.after),
    },
    risk: review.scope === 'feeds' ? riskOfPolicy(diff) : riskOfEffect(effectOfReview(review)),
    isEmpty: !changesDevices(review),
    reordered: diff.reordered,
    effect: map(effectOfReview(review), grants),
    admission: map(diff.admission, grants),
    rules: diff.rules.map(ruleDocument),
    notes: noteworthy(diff, review.context).map((note) => ({
      kind: note.kind,
      rule: note.rule,
      tag: note.tag,
      text: note.detail === undefined ? note.text : `${note.text}: ${note.detail}`,
      look: isLoud(note),
      addresses: note.addresses === undefined ? null : space(note.addresses),
    })),
    targets: deviceLines(review.targets).map(({ line }, index) =>
      targetDocument(review.targets[index]!, plain(line)),
    ),
    drift: review.drift.map(({ where, target, files, lets, lacks, problem, unread = [] }) => ({
      where,
      target,
      files: [...files],
      lets: grants(lets),
      lacks: grants(lacks),
      problem: problem ?? null,
      unread: unread.map(({ path, line, text }) => ({ path, line, text })),
    })),
    unused: review.unused.map(({ rule, tags }) => ({ rule, tags: [...tags] })),
    lowConfidence: [...(review.lowConfidence ?? [])],
    regionalTags: [...(review.regionalTags ?? [])],
    guards: review.guards.map(({ guard, outcome, message }) => ({ guard, outcome, message })),
    acceptances: review.acceptances.map(({ guard, message }) => ({ guard, message })),
    ...(review.rehearsals === undefined
      ? {}
      : {
          rehearsals: review.rehearsals.map(({ target, tried, rows, notSent }) => ({
            target,
            tried,
            rows: rows.map((row) => ({ ...row })),
            notSent,
          })),
        }),
    coverageStands: review.coverageStands,
    coverage: review.coverage.map(({ rule, host, ports, purpose, targets }) => ({
      rule,
      host,
      ports,
      purpose,
      targets: targets.map(({ target, how, detail }) => ({ target, how, detail })),
    })),
  };
}

function weekDocument({ cloud, name, fileDate, changeNumber }: FeedWeek) {
  return { cloud, name, fileDate: fileDate ?? null, changeNumber };
}

function ruleDocument(diff: RuleDiff): ReviewDocument['rules'][number] {
  return {
    rule: diff.rule,
    presence: diff.presence,
    renamedFrom: diff.renamedFrom ?? null,
    risk: riskOfRule(diff),
    names: map(diff.names, (names) =>
      names.told.flatMap(({ hosts, ports, method }) =>
        hosts
          .toStrings()
          .map((host) => ({ host, ports: ports.toStrings(), ...(method === undefined ? {} : { method }) })),
      ),
    ),
    rows: map(diff.rows, (rows) => rows.map(rowDocument)),
    ports: map(diff.ports, (ports) => ports.toStrings()),
    space: spaceChange(diff.space),
    tags: diff.tags.map((tag) => ({
      tag: tag.tag,
      region: tag.region,
      presence: tag.presence,
      risk: riskOfTag(tag),
      prefixes: map(tag.prefixes, prefixes),
      prefixCount: { before: tag.prefixCount.before, after: tag.prefixCount.after },
      space: spaceChange(tag.space),
    })),
    prefixes: map(diff.prefixes, prefixes),
    moves: diff.moves.map(({ from, to, addresses }) => ({ from, to, addresses: space(addresses) })),
    reorganised: diff.reorganised.map(({ kind, from, to, addresses }) => ({
      kind,
      from: [...from],
      to: [...to],
      addresses: space(addresses),
    })),
    covered: diff.covered.map(({ tag, addresses }) => ({ tag, addresses: space(addresses) })),
    reason: diff.reason ?? null,
    addressUse: diff.addressUse ?? null,
    ...(diff.clients === undefined
      ? {}
      : { clients: { before: clients(diff.clients.before), after: clients(diff.clients.after) } }),
    ...(diff.scenario === undefined
      ? {}
      : { scenario: { before: diff.scenario.before ?? null, after: diff.scenario.after ?? null } }),
    ...(diff.proxies === undefined
      ? {}
      : { proxies: { before: clients(diff.proxies.before), after: clients(diff.proxies.after) } }),
  };
}

function targetDocument(target: TargetReview, line: string): ReviewDocument['targets'][number] {
  return {
    id: target.id,
    line,
    effect: target.effect === undefined ? null : map(target.effect, grants),
    problem: target.problem ?? null,
    rules: target.rules.map(({ rule, effect }) => ({ rule, effect: map(effect, grants) })),
    options: target.options.map(({ name, before, after }) => ({
      name,
      before: before === undefined ? null : `${before}`,
      after: after === undefined ? null : `${after}`,
    })),
    files: target.files.map(({ path, presence, lines }) => ({ path, presence, lines })),
    entries: {
      before: target.entries.before ?? null,
      after: target.entries.after ?? null,
      limit: target.entries.limit ?? null,
    },
    omissions: target.omissions.map(declaredDocument),
    widenings: target.widenings.map(declaredDocument),
  };
}

function declaredDocument({ rule, kind, reason, presence, admission, change }: DeclaredReview) {
  return { rule, kind, reason, presence, admission: grants(admission), change: map(change, grants) };
}

function rowDocument({ table, host, path, ports, purpose }: EndpointRow) {
  return { table, host: formatHostPattern(host), path: path ?? null, ports: ports.toStrings(), purpose };
}

function grants(admission: Admission) {
  return admission.told.map(({ ports, hosts, addresses, ...grant }) => ({
    ports: ports.toStrings(),
    ...(grant.clients === undefined ? {} : { clients: clientTexts(grant.clients) }),
    ...(grant.method === undefined ? {} : { method: grant.method }),
    hosts: hosts.toStrings(),
    addresses: space(addresses),
  }));
}

function clients(set: DualStackSet | undefined): string[] | null {
  return set === undefined ? null : clientTexts(set);
}

function spaceChange({ before, after, gained, lost }: SpaceChange) {
  return { before: sizes(before), after: sizes(after), gained: space(gained), lost: space(lost) };
}

function sizes({ ipv4, ipv6 }: DualStackSet) {
  return { ipv4: `${ipv4.size}`, ipv6: `${ipv6.size}` };
}

function space({ ipv4, ipv6 }: DualStackSet) {
  return { ipv4: familySpace(ipv4), ipv6: familySpace(ipv6) };
}

function familySpace(set: AddressSet) {
  return {
    addresses: `${set.size}`,
    ranges: [...set.ranges()].map(({ first, last }): [string, string] => [
      formatAddress(set.family, first),
      formatAddress(set.family, last),
    ]),
    prefixes: prefixes(set.cover()),
  };
}

function prefixes(list: readonly Prefix[]): string[] {
  return list.map(formatPrefix);
}

function map<T, U>({ gained, lost }: Change<T>, of: (value: T) => U): Change<U> {
  return { gained: of(gained), lost: of(lost) };
}
