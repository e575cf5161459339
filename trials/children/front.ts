/**
 * What stands before a simulated product, in a process of its own, so that the product can go away and come back as a
 * process does: by the end of this one. What the product holds lives on behind it, as in its database.
 *
 *   front.ts PORT URL
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

const [port = '', url = ''] = process.argv.slice(2)
const behind = new URL(url)
const tries = 100
const pauseMs = 50

const server = createServer((client) => {
  const product = connect(Number(behind.port), behind.hostname)
  client.pipe(product).pipe(client)
  const end = () => {
    client.destroy()
    product.destroy()
  }
  client.once('error', end).once('close', end)
  product.once('error', end).once('close', end)
})

async function listen(): Promise<void> {
  for (let tried = 1; ; tried++) {
    server.listen(Number(port), '127.0.0.1')
    try {
      await once(server, 'listening')
      return
    } catch (error) {
      // A connection of somebody else may have taken the port for a moment.
      if (tried === tries) throw error
      await wait(pauseMs)
    }
  }
}

await listen()
console.log(`listening on http://127.0.0.1:${port}`)
