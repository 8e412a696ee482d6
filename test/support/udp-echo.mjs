// Sends back every datagram that comes to the ports given, both families. Ends when its standard input closes, or after
// five minutes.
import { createSocket } from 'node:dgram';

const sockets = process.argv.slice(2).flatMap((port) =>
  ['udp4', 'udp6'].map((type) => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('error', () => {});
    socket.on('message', (message, { address, port: from }) => socket.send(message, from, address));
    return new Promise((resolve) => socket.bind(Number(port), () => resolve(socket)));
  }),
);
await Promise.all(sockets);
process.stdout.write('listening\n');
process.stdin.resume().on('end', () => process.exit(0));
setTimeout(() => process.exit(1), 300_000);
