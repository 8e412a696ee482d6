/**
 * Regions that the weekly file names otherwise than Azure does, in the field `region` and in the tags of AzureCloud; all
 * other regional tags end in Azure's own name (`Storage.GermanyWestCentral`). Read from the public files of 2019 to 2025.
 */
const FEED_NAMES: ReadonlyMap<string, string> = new Map([
  ['brazilsoutheast', 'brazilse'],
  ['chilecentral', 'chilec'],
  ['eastusstg', 'usstagee'],
  ['francecentral', 'centralfrance'],
  ['francesouth', 'southfrance'],
  ['germanynorth', 'germanyn'],
  ['germanywestcentral', 'germanywc'],
  ['norwayeast', 'norwaye'],
  ['norwaywest', 'norwayw'],
  ['southcentralusstg', 'usstagec'],
  ['switzerlandnorth', 'switzerlandn'],
  ['switzerlandwest', 'switzerlandw'],
]);

const AZURE_NAMES: ReadonlyMap<string, string> = new Map(
  [...FEED_NAMES].map(([azure, feed]) => [feed, azure]),
);

/** The feed's name of a region: `germanywc` for `germanywestcentral`. */
export function feedRegion(name: string): string {
  return FEED_NAMES.get(name) ?? name;
}

/** How Azure spells a region that people write "West Europe", "west-europe" or as the feed does. */
export function spelledRegion(text: string): string {
  return azureRegion(text.toLowerCase().replace(/[\s_-]/g, ''));
}

/** Azure's own name of a region, lower case and without spaces: `germanywestcentral` for `germanywc`. */
export function azureRegion(name: string): string {
  return AZURE_NAMES.get(name) ?? name;
}
