/** How the connector's host is to reach the cloud service: the options of the target. */
export interface ConnectorSettings {
  /** `none`, or `http://host:port`. */
  readonly proxy: string;
  readonly product: ConnectorProduct;
  /** Whether requests to the published applications go through the proxy as well. */
  readonly backendThroughProxy: boolean;
}

export type ConnectorProduct = 'entra' | 'aad';

/** Where one generation of the connector keeps its configuration. */
export interface ConnectorNames {
  /** Under `C:\Program Files`, by service. */
  readonly folders: { readonly connector: string; readonly updater: string };
  readonly files: { readonly connector: string; readonly updater: string };
  readonly trace: string;
  /** Under `HKEY_LOCAL_MACHINE`. */
  readonly registryKey: string;
}

/**
 * The names before and since version 1.5.3829.0 (2024-04). Source: Microsoft's article "Work with existing
 * on-premises proxy servers", in its states of 2020-04 and 2025-05.
 */
export const CONNECTOR_NAMES = {
  entra: {
    folders: {
      connector: 'Microsoft Entra private network connector',
      updater: 'Microsoft Entra private network connector Updater',
    },
    files: {
      connector: 'MicrosoftEntraPrivateNetworkConnectorService.exe.config',
      updater: 'MicrosoftEntraPrivateNetworkConnectorUpdaterService.exe.config',
    },
    trace: 'MicrosoftEntraPrivateNetworkConnector.log',
    registryKey: 'SOFTWARE\\Microsoft\\Microsoft Entra private network connector',
  },
  aad: {
    folders: {
      connector: 'Microsoft AAD App Proxy Connector',
      updater: 'Microsoft AAD App Proxy Connector Updater',
    },
    files: {
      connector: 'ApplicationProxyConnectorService.exe.config',
      updater: 'ApplicationProxyConnectorUpdaterService.exe.config',
    },
    trace: 'AadAppProxyConnector.log',
    registryKey: 'SOFTWARE\\Microsoft\\Microsoft AAD App Proxy Connector',
  },
} as const satisfies Readonly<Record<ConnectorProduct, ConnectorNames>>;
