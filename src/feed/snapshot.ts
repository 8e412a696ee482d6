import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Problem } from '../problem.ts';

/** The clouds that Microsoft publishes (or, for germany, published) service tags for. */
export type Cloud = 'public' | 'usgov' | 'china' | 'germany';

/** Microsoft's name for a group of prefixes, as one weekly file has it. */
export interface ServiceTag {
  /** Letters, digits and dots, at most 128 characters; never anything a shell or a template could trip over. */
  readonly name: string;
  readonly id: string;
  readonly changeNumber: number;
  /** Microsoft's short region name, '' for a tag without one; often unlike the suffix of `name`. */
  readonly region: string;
  readonly systemService: string;
  readonly platform: string;
  /** In the published order, without duplicates; may overlap. */
  readonly prefixes: readonly Prefix[];
  /** How many these are, without making them. */
  readonly prefixCount: number;
  /** What the prefixes cover; computed when first asked for. */
  readonly addresses: DualStackSet;
  /** Made from other tags of the feed, which does not have it. */
  readonly derived?: true;
}

/** Names of service tags, however many they are. */
export type TagNames = Pick<ReadonlySet<string>, 'has'>;

/** Something wrong in a service tag that no rule uses. */
export interface Quarantined {
  /** As it stands in the file; undefined where there is no name. */
  readonly tag: string | undefined;
  /** Whether the tag's addresses are read all the same. */
  readonly kept: boolean;
  /** The first thing that is wrong in it. */
  readonly problem: Problem;
}

/** One parsed week. */
export interface Snapshot {
  readonly cloud: Cloud;
  /** The top-level number of the file; a hint that has been seen to fall and to stand still. */
  readonly changeNumber: number;
  /** YYYY-MM-DD from the file's name; undefined where the name has no date. */
  readonly fileDate: string | undefined;
  /**
   * SHA-256 (hex) of the parsed content: cloud, tags, regions, services and prefixes in canonical order.
   * Neither change numbers nor the order of keys, tags or prefixes, line endings or white space count.
   */
  readonly contentSha256: string;
  /** By name, in the published order. */
  readonly tags: ReadonlyMap<string, ServiceTag>;
  /** How many fields the file has that the schema does not know; tolerated and counted. */
  readonly unknownFields: number;
  /** What is wrong in tags that no rule uses; absent where nothing is. */
  readonly quarantined?: readonly Quarantined[];
}

/** Where the bytes of a snapshot came from. */
export interface FeedSource {
  readonly kind: 'download' | 'url' | 'file' | 'api' | 'xml';
  /** The file name, without a directory. */
  readonly name: string;
  /** Without credentials and secrets; absent for a local file. */
  readonly url?: string;
  /** Which of the ways to find the file succeeded when it was fetched. */
  readonly strategy?: string;
  /** YYYY-MM-DD from the file's name. */
  readonly fileDate: string | undefined;
  /** Bytes as published, uncompressed. */
  readonly size: number;
  /** SHA-256 (hex) of the bytes as published, uncompressed; of the joined pages for the API. */
  readonly sha256: string;
}
