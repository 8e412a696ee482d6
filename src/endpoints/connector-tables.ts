/** The bundled tables of what a private network connector (Application Proxy) needs, by the beginning of their ids. */
const CONNECTOR_TABLES = /^(?:private-network-connector|app-proxy)(?:-|$)/;

/** Whether the hosts of a table are for a connector alone, and not for whoever uses the network. */
export function isConnectorTable(id: string): boolean {
  return CONNECTOR_TABLES.test(id);
}
