import { useTranslation } from 'react-i18next'
import { Copy } from './copy.tsx'

/** As `ssh-keygen -l` prints it, in groups that two people can read to each other. */
export function Fingerprint({ algorithm, fingerprint }: { algorithm: string; fingerprint: string }) {
  const { t } = useTranslation()
  return (
    <span className="fingerprint">
      <span className="soft">{algorithm}</span> <code>{fingerprint}</code>
      <Copy text={fingerprint} what={t('servers.fingerprint')} />
    </span>
  )
}
