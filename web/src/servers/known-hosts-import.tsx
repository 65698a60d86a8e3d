import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type ImportReport, importKnownHosts } from '../api/servers.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { Report } from './report.tsx'

/** Accepts what a known_hosts file has for servers that are there: first what would happen, then it happens. */
export function KnownHostsImport() {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const [report, setReport] = useState<ImportReport | null>(null)
  const { busy, problem, run, clear } = useAction()
  const take = (now: string) => {
    setText(now)
    setReport(null)
    clear()
  }
  const send = (dryRun: boolean) =>
    run(async () => {
      setReport(await importKnownHosts(text, dryRun))
      if (!dryRun) setText('')
    })
  const count = report?.dry_run ? report.created.length + report.changed.length : 0
  return (
    <section aria-labelledby="known-hosts-import" className="form">
      <h2 id="known-hosts-import">{t('hosts.import')}</h2>
      <p className="soft">{t('hosts.import.lead')}</p>
      <div className="field">
        <label htmlFor="known-hosts-file">{t('servers.import.file')}</label>
        <input
          id="known-hosts-file"
          type="file"
          className="input"
          onChange={async (event) => {
            const file = event.target.files?.[0]
            if (file) take(await file.text())
          }}
        />
      </div>
      <div className="field">
        <label htmlFor="known-hosts-text">{t('servers.import.text')}</label>
        <textarea
          id="known-hosts-text"
          className="input area code"
          rows={6}
          spellCheck={false}
          wrap="off"
          placeholder="db-1.example ssh-ed25519 AAAA…"
          value={text}
          onChange={(event) => take(event.target.value)}
        />
      </div>
      <ProblemNotice problem={problem} />
      {report && <Report report={report} what="hosts" />}
      <div className="form-actions">
        <Button
          type={count > 0 ? 'default' : 'primary'}
          loading={busy}
          disabled={!text.trim()}
          onClick={() => send(true)}
        >
          {t('servers.import.look')}
        </Button>
        {count > 0 && (
          <Button type="primary" loading={busy} onClick={() => send(false)}>
            {t('hosts.import.apply', { count })}
          </Button>
        )}
      </div>
    </section>
  )
}
