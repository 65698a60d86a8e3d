// A page with made-up answers, as somebody at a desk opens it.

import { ADDRESS, StandIn } from './stand-in.mjs'

/** `prepare` is given what answers, before the page asks. */
export async function visit(browser, at, prepare = () => {}, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    ...options,
  })
  const server = new StandIn()
  prepare(server)
  await server.install(context)
  const page = await context.newPage()
  await page.goto(ADDRESS + at)
  return { context, server, page }
}
