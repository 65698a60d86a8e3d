import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Rolldown } from 'vite'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the page with hot reload and passes everything else on to a running server.
const server = process.env.BASTIDE_URL ?? 'http://127.0.0.1:8722'

/** Writes a packed copy beside every file of text: the program sends it without packing it itself. */
function packed() {
  let folder = ''
  return {
    name: 'packed',
    apply: 'build' as const,
    configResolved(config: { build: { outDir: string } }) {
      folder = config.build.outDir
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        await writeFile(`${path}.gz`, await promisify(gzip)(await readFile(path), { level: 9 }))
      }
    },
  }
}

/** What a browser loads before the first page shows something (the login or the list), packed. */
const FIRST_PAGE = 250 * 1024

/** Every page begins with one of these two; each is loaded by the entry, which does not name it statically. */
const PAGES = { 'index.html': 'src/shell.tsx', 'terminal.html': 'src/pages/terminal.tsx' } as const

type Chunk = Rolldown.OutputChunk & { viteMetadata?: { importedCss?: Set<string> } }

/** The files of the page, the entry's and its own: all are needed before it shows something. */
function filesOf(bundle: Rolldown.OutputBundle, source: string): Set<string> {
  const files = new Set<string>()
  const load = (name: string) => {
    const file = bundle[name]
    if (!file || files.has(name)) return
    files.add(name)
    if (file.type !== 'chunk') return
    for (const one of file.imports) load(one)
    for (const one of (file as Chunk).viteMetadata?.importedCss ?? []) load(one)
  }
  for (const [name, file] of Object.entries(bundle)) {
    if (file.type === 'chunk' && (file.isEntry || file.facadeModuleId?.endsWith(`/${source}`))) load(name)
  }
  return files
}

/**
 * The page's files are named in its HTML, so that a browser asks for all of them at once, and for who is logged
 * in beside them. The terminal has a page of its own: it needs nothing of the others, and they nothing of it.
 */
function pages() {
  const tags = (html: string, files: Iterable<string>) => {
    const lines = [...files]
      .filter((name) => !html.includes(`/${name}`))
      .map((name) =>
        name.endsWith('.css')
          ? `<link rel="stylesheet" crossorigin href="/${name}">`
          : `<link rel="modulepreload" crossorigin href="/${name}">`,
      )
    lines.push('<link rel="preload" as="fetch" crossorigin="anonymous" href="/api/v1/me">')
    return html.replace('</head>', `${lines.map((line) => `  ${line}\n  `).join('')}</head>`)
  }
  return {
    name: 'pages',
    apply: 'build' as const,
    enforce: 'post' as const,
    generateBundle(this: Rolldown.PluginContext, _: unknown, bundle: Rolldown.OutputBundle) {
      const index = bundle['index.html']
      if (index?.type !== 'asset') throw new Error('the build made no index.html')
      const html = String(index.source)
      for (const [fileName, source] of Object.entries(PAGES)) {
        const own = tags(html, filesOf(bundle, source))
        if (fileName === 'index.html') index.source = own
        else this.emitFile({ type: 'asset', fileName, source: own })
      }
    },
  }
}

/** Fails the build when the first page has grown over its budget. */
function budget() {
  return {
    name: 'budget',
    apply: 'build' as const,
    generateBundle(_: unknown, bundle: Rolldown.OutputBundle) {
      const first = filesOf(bundle, PAGES['index.html'])
      let bytes = 0
      for (const name of first) {
        const file = bundle[name]
        if (file) bytes += gzipSync(file.type === 'chunk' ? file.code : file.source).length
      }
      const words = `the first page is ${Math.round(bytes / 1024)} KB packed (${first.size} files)`
      if (first.size < 4) throw new Error(`${words}: its files were not found`)
      if (bytes > FIRST_PAGE) throw new Error(`${words}; it may be ${FIRST_PAGE / 1024} KB`)
      console.info(words)
    },
  }
}

export default defineConfig({
  plugins: [react(), budget(), pages(), packed()],
  build: {
    target: 'es2023',
    sourcemap: false,
    // Small icons inside the style sheet would need `data:` in more places of the page's policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        // What changes seldom has files of its own: a new version of the client does not load them again.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler|i18next|react-i18next)\// },
            { name: 'xterm', test: /node_modules\/@xterm\/(xterm|addon-(?!webgl))/ },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': { target: server, ws: true },
      '/ws': { target: server, ws: true },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
})
