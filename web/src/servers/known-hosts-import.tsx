import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type ImportReport, importKnownHosts } from '../api/servers.ts'
import { ImportText, LookThenApply } from '../parts/import-form.tsx'
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
      <ImportText text={text} take={take} rows={6} placeholder="db-1.example ssh-ed25519 AAAA…" />
      <ProblemNotice problem={problem} />
      {report && <Report report={report} what="hosts" />}
      <div className="form-actions">
        <LookThenApply
          busy={busy}
          disabled={!text.trim()}
          apply={count > 0 ? t('hosts.import.apply', { count }) : null}
          send={send}
        />
      </div>
    </section>
  )
}
