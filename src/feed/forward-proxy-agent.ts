import { Agent, type AgentOptions, type ClientRequest, type RequestOptions } from 'node:http';

interface QueuedRequest extends RequestOptions {
  readonly secureEndpoint?: boolean;
}

/** What node:http calls on an agent; missing from its type declarations. */
interface RequestQueue {
  addRequest(request: ClientRequest, options: QueuedRequest): void;
}

/**
 * An agent for plain http:// through a proxy: the request goes to the proxy with the whole URL in its request
 * line (RFC 9112, 3.2.2). Proxies refuse CONNECT to ports other than 443, so a tunnel, which is all that
 * hpagent makes, would not do here.
 */
export class ForwardProxyAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  addRequest(request: ClientRequest, options: QueuedRequest): void {
    const { username, password, hostname, port } = this.#proxy;
    const host = options.host ?? options.hostname ?? 'localhost';
    const authority = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 80}`;
    request.path = `http://${authority}${request.path}`;
    if (username !== '' || password !== '') {
      const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      request.setHeader('proxy-authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
    }
    const queue: RequestQueue = Agent.prototype as unknown as RequestQueue;
    queue.addRequest.call(this, request, {
      ...options,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 80,
    });
  }
}
