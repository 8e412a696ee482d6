/** A small made-up weekly file in the real schema, for tests to bend. */
export interface WeeklyTag {
  name: unknown;
  id: unknown;
  properties: Record<string, unknown>;
}

export interface WeeklyFile {
  changeNumber: unknown;
  cloud: unknown;
  values: WeeklyTag[];
}

export function weeklyTag(name: string, addressPrefixes: unknown[], region = ''): WeeklyTag {
  return {
    name,
    id: name,
    properties: {
      changeNumber: 7,
      region,
      regionId: 0,
      platform: 'Azure',
      systemService: name.split('.')[0]!,
      addressPrefixes,
      networkFeatures: ['API', 'NSG'],
    },
  };
}

export function weeklyFile(): WeeklyFile {
  return {
    changeNumber: 42,
    cloud: 'Public',
    values: [
      weeklyTag('Storage', ['192.0.2.0/25', '192.0.2.128/26', '2001:db8:1::/48']),
      weeklyTag('Storage.WestEurope', ['192.0.2.0/26', '2001:db8:1:8000::/49'], 'westeurope'),
      weeklyTag('AzureFrontDoor.FirstParty', ['198.51.100.0/24', '198.51.100.16/32']),
      weeklyTag('Sql', ['203.0.113.7/32']),
      weeklyTag('Empty', []),
    ],
  };
}
