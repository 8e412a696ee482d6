import type { Cloud } from './snapshot.ts';

/** What differs between the clouds' publications. */
export interface CloudFacts {
  /** The `cloud` field of the cloud's files. */
  readonly nameInFile: string;
  /** The id of the download page. */
  readonly pageId: number;
  /** The directory that the cloud's files have lived in since 2019. */
  readonly directory: string;
  /** `<stem>_YYYYMMDD.json`. */
  readonly fileStem: string;
}

const DOWNLOADS = 'https://download.microsoft.com/download/';

/**
 * The publications of each cloud; germany closed with its file of 2022-03-07.
 * Source: the download pages 56519, 57063, 57062 and 57064 at https://www.microsoft.com/en-us/download/.
 */
export const CLOUDS: Readonly<Record<Cloud, CloudFacts>> = {
  public: {
    nameInFile: 'Public',
    pageId: 56519,
    directory: `${DOWNLOADS}7/1/D/71D86715-5596-4529-9B13-DA13A5DE5B63/`,
    fileStem: 'ServiceTags_Public',
  },
  usgov: {
    nameInFile: 'AzureGovernment',
    pageId: 57063,
    directory: `${DOWNLOADS}6/4/D/64DB03BF-895B-4173-A8B1-BA4AD5D4DF22/`,
    fileStem: 'ServiceTags_AzureGovernment',
  },
  china: {
    nameInFile: 'China',
    pageId: 57062,
    directory: `${DOWNLOADS}9/D/0/9D03B7E2-4B80-4BF3-9B91-DA8C7D3EE9F9/`,
    fileStem: 'ServiceTags_China',
  },
  germany: {
    nameInFile: 'AzureGermany',
    pageId: 57064,
    directory: `${DOWNLOADS}0/7/6/076274AB-4B0B-4246-A422-4BAF1E03F974/`,
    fileStem: 'ServiceTags_AzureGermany',
  },
};

/** The clouds in the order in which they are told to people. */
export const CLOUD_NAMES = Object.keys(CLOUDS) as readonly Cloud[];

/** The cloud of a file by its `cloud` field; undefined for a name that no cloud uses. */
export function cloudNamedInFile(name: string): Cloud | undefined {
  return CLOUD_NAMES.find((cloud) => CLOUDS[cloud].nameInFile === name);
}
