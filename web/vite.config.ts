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

/** Fails the build when the first page has grown over its budget. */
function budget() {
  return {
    name: 'budget',
    apply: 'build' as const,
    generateBundle(_: unknown, bundle: Rolldown.OutputBundle) {
      const first = new Set<string>()
      const load = (name: string) => {
        const file = bundle[name]
        if (!file || first.has(name)) return
        first.add(name)
        if (file.type === 'chunk') for (const one of file.imports) load(one)
      }
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === 'chunk' && file.isEntry) load(name)
        if (/^assets\/index-.*\.css$/.test(name)) load(name)
      }
      let bytes = 0
      for (const name of first) {
        const file = bundle[name]
        if (file) bytes += gzipSync(file.type === 'chunk' ? file.code : file.source).length
      }
      const words = `the first page is ${Math.round(bytes / 1024)} KB packed (${first.size} files)`
      if (first.size < 3) throw new Error(`${words}: its files were not found`)
      if (bytes > FIRST_PAGE) throw new Error(`${words}; it may be ${FIRST_PAGE / 1024} KB`)
      console.info(words)
    },
  }
}

export default defineConfig({
  plugins: [react(), budget(), packed()],
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
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
})
